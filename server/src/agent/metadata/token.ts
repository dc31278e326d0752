// Session tokens of the metadata service: worth something to one port alone, until a time. A request that a guest can be tricked into (a link, a
// proxy that fetches for others) can't make one.
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../clock.ts";

/** How long a token may live, in seconds: 6 h, as guests' programs expect. */
export const longestTtl = 21_600;

export class SessionTokens {
  readonly #secret: Uint8Array;
  readonly #clock: Clock;

  /** @param secret Drawn anew at each start of the agent: guests then ask for a new token. */
  constructor(secret: Uint8Array, clock: Clock) {
    this.#secret = secret;
    this.#clock = clock;
  }

  /** Makes a token for a port. */
  issue(portId: string, ttlSeconds: number): string {
    const expiry = Buffer.alloc(8);
    expiry.writeBigUInt64BE(BigInt(this.#clock.now() + ttlSeconds * 1000));
    return Buffer.concat([expiry, this.#sign(portId, expiry)]).toString("base64url");
  }

  /** Whether a token was made for the port and still lives. */
  accepts(portId: string, token: string): boolean {
    const bytes = Buffer.from(token, "base64url");
    if (bytes.length !== 40 || bytes.toString("base64url") !== token) return false;
    const expiry = bytes.subarray(0, 8);
    const genuine = timingSafeEqual(bytes.subarray(8), this.#sign(portId, expiry));
    return genuine && Number(expiry.readBigUInt64BE()) > this.#clock.now();
  }

  #sign(portId: string, expiry: Uint8Array): Buffer {
    return createHmac("sha256", this.#secret).update(expiry).update(portId).digest();
  }
}

/** Reads the header that says how long a token should live. Undefined: it is wrong. */
export function parseTtl(header: string | undefined): number | undefined {
  if (header === undefined || !/^[1-9]\d{0,4}$/.test(header)) return undefined;
  const seconds = Number(header);
  return seconds <= longestTtl ? seconds : undefined;
}
