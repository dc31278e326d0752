// Counters in the store with an end, by what they count: no name stands there, only its hash.
import { createHash } from "node:crypto";
import type { Clock } from "../../../clock.ts";
import type { Records } from "../../../store/store.ts";

const space = "iam/login-attempts";
/** Writers that meet try again; more than servers of one cloud ever collide. */
const mostTries = 8;

export interface Counter {
  readonly count: number;
  /** When it began and when it last went on, in milliseconds since 1970. */
  readonly since: number;
  readonly at: number;
}

const none: Counter = { count: 0, since: 0, at: Number.NEGATIVE_INFINITY };

export class Counters {
  readonly #records: Records;
  readonly #clock: Clock;

  constructor(records: Records, clock: Clock) {
    this.#records = records;
    this.#clock = clock;
  }

  async get(what: string, name: string): Promise<Counter> {
    return (await this.#read(what, name)).counter;
  }

  async has(what: string, name: string): Promise<boolean> {
    return (await this.get(what, name)).count > 0;
  }

  /** Counts one more; the counter ends `ms` after it began. */
  async add(what: string, name: string, ms: number): Promise<void> {
    for (let tries = 0; tries < mostTries; tries += 1) {
      const { counter, version } = await this.#read(what, name);
      const now = this.#clock.now();
      const since = counter.count === 0 ? now : counter.since;
      const value = new TextEncoder().encode(JSON.stringify({ count: counter.count + 1, since, at: now }));
      const options = { expected: version, expiresAt: since + ms };
      if (await this.#records.put(space, keyOf(what, name), value, options)) return;
    }
  }

  async clear(what: string, name: string): Promise<void> {
    const { version } = await this.#read(what, name);
    if (version > 0) await this.#records.delete(space, keyOf(what, name));
  }

  async #read(what: string, name: string): Promise<{ readonly counter: Counter; readonly version: number }> {
    const record = await this.#records.get(space, keyOf(what, name));
    if (record === undefined) return { counter: none, version: 0 };
    const over = record.expiresAt !== undefined && record.expiresAt <= this.#clock.now();
    const counter: Counter = over ? none : JSON.parse(new TextDecoder().decode(record.value));
    return { counter, version: record.version };
  }
}

function keyOf(what: string, name: string): string {
  return `${what}/${createHash("sha256").update(name).digest("base64url")}`;
}
