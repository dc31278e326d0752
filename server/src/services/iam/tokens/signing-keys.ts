// The keys that tokens are signed with: one for each period of time, made by whichever server comes to it first, published before it
// signs and until the last token that it signed has expired. So replicas agree without talking, and a change of keys refuses no request.
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import type { Clock } from "../../../clock.ts";
import type { Records } from "../../../store/store.ts";
import type { Sealing } from "./sealing.ts";

export const algorithm = "ES256";
const space = "iam/signing-keys";
/** A key signs for a week: long enough to be cached, short enough that a stolen one is soon worthless. */
const periodMs = 7 * 24 * 3_600_000;
/** Published so long before it signs, and after: more than any cache of a JWKS that we know of, and more than a token lives. */
const overlapMs = 3_600_000;
/** How long the keys that were read are believed to be all there are. */
const believedMs = 60_000;
/** The least time between two readings that an unknown key id asks for: else forged tokens could keep the store busy. */
const retryMs = 1_000;

export interface SigningKey {
  readonly kid: string;
  readonly period: number;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly publicJwk: JWK;
}

export class SigningKeys {
  readonly #records: Records;
  readonly #sealing: Sealing;
  readonly #clock: Clock;
  #keys: readonly SigningKey[] = [];
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(records: Records, sealing: Sealing, clock: Clock) {
    this.#records = records;
    this.#sealing = sealing;
    this.#clock = clock;
  }

  /** The key of now. */
  async current(): Promise<SigningKey> {
    const period = this.#periodAt(0);
    return (
      (await this.#find((key) => key.period === period, believedMs)) ?? fail(`there is no signing key of ${period}`)
    );
  }

  /** The key that a token names; undefined: none of ours. */
  verifying(kid: string): Promise<SigningKey | undefined> {
    return this.#find((key) => key.kid === kid, retryMs);
  }

  /** The public keys (RFC 7517). */
  async published(): Promise<readonly JWK[]> {
    await this.current();
    return this.#keys.map((key) => key.publicJwk);
  }

  async #find(is: (key: SigningKey) => boolean, againMs: number): Promise<SigningKey | undefined> {
    const known = this.#keys.find(is);
    const age = Math.abs(this.#clock.now() - this.#readAt);
    if (age > believedMs || (known === undefined && age > againMs) || this.#keys.length === 0) {
      this.#reading ??= this.#read().finally(() => {
        this.#reading = undefined;
      });
      await this.#reading;
    }
    return this.#keys.find(is) ?? known;
  }

  #periodAt(offsetMs: number): number {
    return Math.floor((this.#clock.now() + offsetMs) / periodMs);
  }

  /** Makes the keys that are missing, then reads those that may sign or have signed what is still good. */
  async #read(): Promise<void> {
    const began = this.#clock.now();
    const wanted = [...new Set([this.#periodAt(-overlapMs), this.#periodAt(0), this.#periodAt(overlapMs)])];
    const current = this.#periodAt(0);
    const keys = await Promise.all(
      wanted.map(async (period) => (await this.#load(period)) ?? (period < current ? undefined : this.#make(period))),
    );
    this.#keys = keys.filter((key) => key !== undefined);
    this.#readAt = began;
  }

  async #load(period: number): Promise<SigningKey | undefined> {
    const known = this.#keys.find((key) => key.period === period);
    if (known !== undefined) return known;
    const record = await this.#records.get(space, String(period));
    if (record === undefined) return undefined;
    const jwk: JWK = JSON.parse(new TextDecoder().decode(this.#sealing.open(record.value, `${space}/${period}`)));
    return keyOf(period, jwk);
  }

  /** Two servers may both make one; the store keeps the first. */
  async #make(period: number): Promise<SigningKey> {
    const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
    const bytes = new TextEncoder().encode(JSON.stringify(await exportJWK(privateKey)));
    await this.#records.put(space, String(period), this.#sealing.seal(bytes, `${space}/${period}`), {
      expected: 0,
      expiresAt: (period + 1) * periodMs + 2 * overlapMs,
    });
    return (await this.#load(period)) ?? fail(`the signing key of ${period} was not stored`);
  }
}

async function keyOf(period: number, jwk: JWK): Promise<SigningKey> {
  const { d: _, ...shown } = jwk;
  const kid = await calculateJwkThumbprint(shown);
  const publicJwk = { ...shown, kid, alg: algorithm, use: "sig" };
  const [privateKey, publicKey] = [await importJWK(jwk, algorithm), await importJWK(shown, algorithm)];
  if (privateKey instanceof Uint8Array || publicKey instanceof Uint8Array) return fail("a signing key is symmetric");
  return { kid, period, privateKey, publicKey, publicJwk };
}

function fail(message: string): never {
  throw new Error(message);
}
