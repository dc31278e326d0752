// Some clients send a lasting credential with every request. What each has logged in for serves its next requests as well: a login is counted,
// limited and logged, and costs more than a request should.
import { createHash } from "node:crypto";
import type { Clock } from "../clock.ts";

/** `expiresAt`: milliseconds since 1970. */
export interface IssuedToken {
  readonly token: string;
  readonly expiresAt: number;
}

/** Credentials whose tokens are remembered; the oldest goes first. */
const mostKnown = 1_000;
/** A token is left alone so long before it ends. Milliseconds. */
const spareMs = 60_000;

/** Access tokens by the credential that they were issued for, of which only a hash is kept. */
export class RememberedTokens {
  readonly #clock: Clock;
  readonly #known = new Map<string, IssuedToken>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined: none is known that lasts. */
  find(credential: readonly string[]): string | undefined {
    const known = this.#known.get(hashOf(credential));
    return known !== undefined && known.expiresAt - spareMs > this.#clock.now() ? known.token : undefined;
  }

  keep(credential: readonly string[], issued: IssuedToken): void {
    this.#known.set(hashOf(credential), issued);
    const oldest = this.#known.size > mostKnown ? this.#known.keys().next().value : undefined;
    if (oldest !== undefined) this.#known.delete(oldest);
  }

  forget(credential: readonly string[]): void {
    this.#known.delete(hashOf(credential));
  }
}

const hashOf = (credential: readonly string[]) =>
  createHash("sha256").update(JSON.stringify(credential)).digest("base64");
