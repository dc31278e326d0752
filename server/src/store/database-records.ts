// The server's own records on any database.
import type { Clock } from "../clock.ts";
import type { Database, Written } from "./database.ts";
import { readRecord, readRecords } from "./read/rows.ts";
import { type Records, StoreError } from "./store.ts";

/** No caller's space: it holds the row that a health check writes. */
const probeSpace = "\u0001probe";
/** A store that can't commit within this time is not healthy. */
const probeTimeoutMs = 5_000;

export class DatabaseRecords implements Records {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  get(space: string, key: string) {
    return this.#database.read(readRecord(space, key, this.#clock.now()));
  }

  list(space: string, prefix = "") {
    return this.#database.read(readRecords(space, prefix, this.#clock.now()));
  }

  async put(
    space: string,
    key: string,
    value: Uint8Array,
    options: { readonly expected?: number; readonly expiresAt?: number },
  ): Promise<boolean> {
    const { expected, expiresAt } = options;
    const copy = new Uint8Array(value);
    const put = { space, key, value: copy, expected, expiresAt, now: this.#clock.now() };
    return stored(await this.#database.write("putRecord", put));
  }

  async delete(space: string, key: string): Promise<void> {
    stored(await this.#database.write("deleteRecord", { space, key }));
  }

  /** Writes a row, and answers whether that worked in time. */
  async probe(): Promise<boolean> {
    const { promise: late, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), probeTimeoutMs);
    const write = this.put(probeSpace, "", new Uint8Array(), {}).catch(() => false);
    return Promise.race([write, late]).finally(() => clearTimeout(timer));
  }
}

/** The answer of a write that has nothing to be refused for. */
export function stored<T>(written: Written<T>): T {
  if (written.done) return written.answer;
  const { refusal } = written;
  throw new StoreError(refusal.reason === "stale" ? { reason: "contended" } : refusal);
}
