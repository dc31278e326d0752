// What is known of other issuers: their metadata (OpenID Connect Discovery 1.0) and their keys, read when first needed and kept for a while.
// An unknown key id has them read again, but not more often than every half minute: else forged tokens could keep an issuer busy.
import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from "jose";
import { allowInsecureRequests, customFetch as clientFetch, discovery, type ServerMetadata } from "openid-client";
import type { Clock } from "../../../clock.ts";
import { Fault } from "../../../fault.ts";
import type { OutsideFetch } from "./outside.ts";

/** Metadata is believed for an hour, keys for ten minutes; what could not be had is not asked for again at once. Milliseconds. */
const metadataMs = 3_600_000;
const keysMs = 600_000;
const againMs = 30_000;
const failedMs = 5_000;
/** Issuers that are remembered; the one that was read longest ago goes first. */
const mostIssuers = 1_000;

export interface Issuer {
  readonly metadata: ServerMetadata;
  readonly keys: JWTVerifyGetKey;
}

interface Known {
  readonly until: number;
  readonly issuer: Promise<Issuer>;
}

export class Issuers {
  readonly #fetch: OutsideFetch;
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();

  constructor(fetch: OutsideFetch, clock: Clock) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  /** @throws Fault BACKEND_UNAVAILABLE where it can't be asked, or answers what an issuer does not. */
  async get(issuer: string): Promise<Issuer> {
    const known = this.#known.get(issuer);
    if (known !== undefined && known.until > this.#clock.now()) return known.issuer;
    const reading = this.#read(issuer);
    this.#remember(issuer, { until: this.#clock.now() + metadataMs, issuer: reading });
    reading.catch(() => this.#remember(issuer, { until: this.#clock.now() + failedMs, issuer: reading }));
    return reading;
  }

  #remember(issuer: string, known: Known): void {
    this.#known.delete(issuer);
    this.#known.set(issuer, known);
    const oldest = this.#known.size > mostIssuers ? this.#known.keys().next().value : undefined;
    if (oldest !== undefined) this.#known.delete(oldest);
  }

  async #read(issuer: string): Promise<Issuer> {
    try {
      const options = { [clientFetch]: this.#fetch, execute: [allowInsecureRequests], timeout: 10 };
      const found = await discovery(new URL(issuer), "photoncloud", undefined, undefined, options);
      const metadata = found.serverMetadata();
      // Discovery, section 4.3: what it says it is must be what it was asked as, to the letter.
      if (metadata.issuer !== issuer) throw new Error(`it says that it is ${JSON.stringify(metadata.issuer)}`);
      if (metadata.jwks_uri === undefined) throw new Error("it names no keys");
      return { metadata, keys: this.#keys(metadata.jwks_uri) };
    } catch (cause) {
      if (cause instanceof Fault) throw cause;
      throw new Fault("BACKEND_UNAVAILABLE", `the issuer ${issuer} answers no metadata that can be used`, { cause });
    }
  }

  #keys(uri: string): JWTVerifyGetKey {
    const read = (url: string, { headers }: { headers: Headers }) =>
      this.#fetch(url, { headers: Object.fromEntries(headers) });
    return createRemoteJWKSet(new URL(uri), {
      cacheMaxAge: keysMs,
      cooldownDuration: againMs,
      timeoutDuration: 10_000,
      [customFetch]: read,
    });
  }
}
