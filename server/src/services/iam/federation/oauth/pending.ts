// What a login leaves between its requests: kept in the store, so that any server goes on with it; found by the hash of what its holder shows;
// sealed; taken once; gone by itself.
import { createHash } from "node:crypto";
import type { Clock } from "../../../../clock.ts";
import type { Records } from "../../../../store/store.ts";
import type { Sealing } from "../../tokens/sealing.ts";

const space = "iam/oauth";

/** What something secret is found by. */
export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}

/** Values of one sort, by a secret. */
export class Pending<Value> {
  readonly #records: Records;
  readonly #sealing: Sealing;
  readonly #clock: Clock;
  readonly #sort: string;
  readonly lifeMs: number;

  constructor(
    parts: { readonly records: Records; readonly sealing: Sealing; readonly clock: Clock },
    sort: string,
    lifeMs: number,
  ) {
    this.#records = parts.records;
    this.#sealing = parts.sealing;
    this.#clock = parts.clock;
    this.#sort = sort;
    this.lifeMs = lifeMs;
  }

  /** Answers whether the secret was not in use. */
  add(secret: string, value: Value): Promise<boolean> {
    return this.#put(secret, value, 0, this.#clock.now() + this.lifeMs);
  }

  async get(secret: string): Promise<{ readonly value: Value; readonly version: number } | undefined> {
    const key = this.#keyOf(secret);
    const record = await this.#records.get(space, key);
    if (record === undefined || (record.expiresAt ?? 0) <= this.#clock.now()) return undefined;
    const value: Value = JSON.parse(new TextDecoder().decode(this.#sealing.open(record.value, `${space}/${key}`)));
    return { value, version: record.version };
  }

  /** Changes what is there, if nobody else has; it ends when it would have. */
  async change(secret: string, value: Value, version: number): Promise<boolean> {
    const record = await this.#records.get(space, this.#keyOf(secret));
    return record !== undefined && this.#put(secret, value, version, record.expiresAt ?? 0);
  }

  /** The value, to one caller alone. */
  async take(secret: string): Promise<Value | undefined> {
    const found = await this.get(secret);
    if (found === undefined) return undefined;
    const key = this.#keyOf(secret);
    const isMine = await this.#records.put(space, key, new Uint8Array(), {
      expected: found.version,
      expiresAt: this.#clock.now(),
    });
    await this.#records.delete(space, key);
    return isMine ? found.value : undefined;
  }

  #put(secret: string, value: Value, expected: number, expiresAt: number): Promise<boolean> {
    const key = this.#keyOf(secret);
    const bytes = this.#sealing.seal(new TextEncoder().encode(JSON.stringify(value)), `${space}/${key}`);
    return this.#records.put(space, key, bytes, { expected, expiresAt });
  }

  #keyOf(secret: string): string {
    return `${this.#sort}/${hashOf(secret)}`;
  }
}
