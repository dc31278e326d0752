// The second factors of a principal as they are kept: one record each, sealed, changed by compare-and-set, so that no code counts twice.
import type { Records } from "../../../store/store.ts";
import { type Identity, principalName } from "../principal-name.ts";
import type { Sealing } from "../tokens/sealing.ts";

const space = "iam/factors";

interface Common {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  /** 0: never. */
  readonly usedAt: number;
  /** Until when it can be confirmed; undefined: it was. */
  readonly confirmBy?: number;
}

export interface TotpFactor extends Common {
  readonly kind: "totp";
  /** base64url */
  readonly secret: string;
  /** The last step of time whose code was accepted. */
  readonly lastStep: number;
}

export interface PasskeyFactor extends Common {
  readonly kind: "passkey";
  /** The challenge of its registration; "" once it is confirmed. */
  readonly challenge: string;
  /** base64url */
  readonly credentialId: string;
  readonly publicKey: string;
  readonly counter: number;
}

export type StoredFactor = TotpFactor | PasskeyFactor;

export interface Factors {
  readonly factors: readonly StoredFactor[];
  /** Hashes of recovery codes that were not used. */
  readonly recovery: readonly string[];
}

export interface KeptFactors extends Factors {
  readonly version: number;
}

const nothing: KeptFactors = { factors: [], recovery: [], version: 0 };

export class FactorStore {
  readonly #records: Records;
  readonly #sealing: Sealing;

  constructor(records: Records, sealing: Sealing) {
    this.#records = records;
    this.#sealing = sealing;
  }

  /** @param since When the principal was made: one of the same id that was there before it left nothing. */
  async get(identity: Identity, since: number): Promise<KeptFactors> {
    const name = principalName(identity);
    const record = await this.#records.get(space, name);
    if (record === undefined) return nothing;
    const text = new TextDecoder().decode(this.#sealing.open(record.value, `${space}/${name}`));
    const kept: Factors & { readonly since: number } = JSON.parse(text);
    if (kept.since !== since) return { ...nothing, version: record.version };
    return { factors: kept.factors, recovery: kept.recovery, version: record.version };
  }

  /** Answers whether they were still as they had been read. */
  put(identity: Identity, since: number, { factors, recovery }: Factors, expected: number): Promise<boolean> {
    const name = principalName(identity);
    const bytes = new TextEncoder().encode(JSON.stringify({ since, factors, recovery }));
    return this.#records.put(space, name, this.#sealing.seal(bytes, `${space}/${name}`), { expected });
  }

  delete(identity: Identity): Promise<void> {
    return this.#records.delete(space, principalName(identity));
  }
}

export function confirmed(factors: readonly StoredFactor[]): readonly StoredFactor[] {
  return factors.filter((factor) => factor.confirmBy === undefined);
}
