// Tokens that let a machine join as a host: each once, within an hour. The store has their hashes alone.
import { createHash } from "node:crypto";
import type { Clock } from "../../../clock.ts";
import { Fault } from "../../../fault.ts";
import type { Records } from "../../../store/store.ts";

const space = "hosts/join-tokens";
/** Tells a token from other secrets, where one turns up in the wrong place. */
const prefix = "phj_";
/** 256 bits: nobody guesses one. */
const tokenBytes = 32;
/** Time to walk to the machine. */
const lifeMs = 3_600_000;

const hashOf = (token: string): string => createHash("sha256").update(token).digest("hex");

export interface JoinTokensOptions {
  readonly records: Records;
  readonly clock: Clock;
  /** Cryptographically random bytes. */
  random(bytes: number): Uint8Array;
}

export class JoinTokens {
  readonly #options: JoinTokensOptions;

  constructor(options: JoinTokensOptions) {
    this.#options = options;
  }

  async draw(): Promise<{ readonly token: string; readonly expiresAt: number }> {
    const { records, clock, random } = this.#options;
    const token = `${prefix}${Buffer.from(random(tokenBytes)).toString("base64url")}`;
    const expiresAt = clock.now() + lifeMs;
    await records.put(space, hashOf(token), Buffer.of(0), { expected: 0, expiresAt });
    return { token, expiresAt };
  }

  /** @throws Fault UNAUTHENTICATED if it can't be used, in the same words whatever is wrong with it. */
  async check(token: string): Promise<{ readonly redeem: () => Promise<void> }> {
    const { records, clock } = this.#options;
    const record = await records.get(space, hashOf(token));
    const isFresh = record !== undefined && record.value[0] === 0 && (record.expiresAt ?? 0) > clock.now();
    if (!isFresh) throw refused();
    return {
      /** Of two that use it at a time, one does. */
      async redeem() {
        const { version: expected, expiresAt } = record;
        const used = await records.put(space, hashOf(token), Buffer.of(1), {
          expected,
          ...(expiresAt && { expiresAt }),
        });
        if (!used) throw refused();
      },
    };
  }
}

function refused(): Fault {
  const advice = "draw another with: photon host token create";
  return new Fault("UNAUTHENTICATED", `the token is not one, was used before, or is older than an hour; ${advice}`);
}
