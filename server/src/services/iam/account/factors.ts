// Second factors: enrolled, confirmed, proved and removed.
import type { Clock } from "../../../clock.ts";
import { Fault, invalidField } from "../../../fault.ts";
import { type Identity, principalName } from "../principal-name.ts";
import { toBase32 } from "./base32.ts";
import {
  confirmed,
  type FactorStore,
  type Factors as Kept,
  type PasskeyFactor,
  type StoredFactor,
} from "./factor-store.ts";
import type { Passkeys } from "./passkeys.ts";
import { drawRecoveryCodes, recoveryHash } from "./recovery-codes.ts";
import { matchingStep, totpSecretBytes, totpUri } from "./totp.ts";

/** A person has a phone or two and a few keys. */
const mostFactors = 10;
/** How long a factor may wait for its confirmation. */
const confirmMs = 10 * 60_000;
/** Writers that meet try again. */
const mostTries = 5;

/** Whose factors; `since`: see FactorStore. */
export interface Owner {
  readonly identity: Identity;
  readonly since: number;
}

/** What a caller proves a second factor with. */
export interface Proof {
  readonly code: string;
  readonly assertion: string;
}

export interface FactorParts {
  readonly store: FactorStore;
  readonly passkeys: Passkeys;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  /** The cloud's name in authenticator apps. */
  readonly cloud: string;
}

export class Factors {
  readonly #parts: FactorParts;

  constructor(parts: FactorParts) {
    this.#parts = parts;
  }

  /** Those that count. */
  async list({ identity, since }: Owner): Promise<Kept> {
    const { factors, recovery } = await this.#parts.store.get(identity, since);
    return { factors: confirmed(factors), recovery };
  }

  /** Whether a proof is good. What it was proved with does not count a second time. */
  async prove(owner: Owner, proof: Proof): Promise<boolean> {
    const { factors } = await this.list(owner);
    if (factors.length === 0) return false;
    if (proof.assertion !== "") return this.#proveByPasskey(owner, factors.filter(isPasskey), proof.assertion);
    return (await this.#proveByApp(owner, proof.code)) || this.#proveByRecovery(owner, proof.code);
  }

  async #proveByApp(owner: Owner, code: string): Promise<boolean> {
    const now = this.#parts.clock.now();
    return this.#change(owner, (kept) => {
      const found = kept.factors.flatMap((factor) => {
        if (factor.kind !== "totp" || factor.confirmBy !== undefined) return [];
        const step = matchingStep(Buffer.from(factor.secret, "base64url"), code, now, factor.lastStep);
        return step === undefined ? [] : [{ ...factor, lastStep: step, usedAt: now }];
      })[0];
      return found && { ...kept, factors: replaced(kept.factors, found) };
    });
  }

  #proveByRecovery(owner: Owner, code: string): Promise<boolean> {
    const hash = recoveryHash(code);
    return this.#change(owner, (kept) => {
      if (!kept.recovery.includes(hash)) return undefined;
      return { ...kept, recovery: kept.recovery.filter((one) => one !== hash) };
    });
  }

  async #proveByPasskey(owner: Owner, known: readonly PasskeyFactor[], assertion: string): Promise<boolean> {
    const good = await this.#parts.passkeys.assert(owner.identity, known, assertion);
    if (good === undefined) return false;
    const usedAt = this.#parts.clock.now();
    return this.#change(owner, (kept) => {
      const factor = kept.factors.filter(isPasskey).find(({ id }) => id === good.id);
      return factor && { ...kept, factors: replaced(kept.factors, { ...factor, counter: good.counter, usedAt }) };
    });
  }

  /** The JSON that a browser answers with an assertion; "" where there is no passkey. */
  async challenge(owner: Owner): Promise<string> {
    const known = (await this.list(owner)).factors.filter(isPasskey);
    return known.length === 0 ? "" : this.#parts.passkeys.challenge(owner.identity, known);
  }

  async enrollTotp(owner: Owner, name: string): Promise<{ id: string; secret: string; uri: string }> {
    const bytes = this.#parts.random(totpSecretBytes);
    const common = this.#begun(name === "" ? "authenticator" : name);
    const secret = Buffer.from(bytes).toString("base64url");
    await this.#add(owner, { ...common, kind: "totp", secret, lastStep: 0 });
    const shown = toBase32(bytes);
    const account = principalName(owner.identity).replace(/^user:/, "");
    return { id: common.id, secret: shown, uri: totpUri(shown, { cloud: this.#parts.cloud, account }) };
  }

  async enrollPasskey(owner: Owner, name: string): Promise<{ id: string; options: string }> {
    const known = (await this.list(owner)).factors.filter(isPasskey);
    const { options, challenge } = await this.#parts.passkeys.registration(owner.identity, known);
    const common = this.#begun(name === "" ? "passkey" : name);
    await this.#add(owner, { ...common, kind: "passkey", challenge, credentialId: "", publicKey: "", counter: 0 });
    return { id: common.id, options };
  }

  #begun(name: string) {
    const createdAt = this.#parts.clock.now();
    const id = `factor-${Buffer.from(this.#parts.random(9)).toString("base64url")}`;
    return { id, name, createdAt, usedAt: 0, confirmBy: createdAt + confirmMs };
  }

  /** @throws Fault WRONG_STATE where there are too many. */
  async #add(owner: Owner, factor: StoredFactor): Promise<void> {
    const now = this.#parts.clock.now();
    const added = await this.#change(owner, (kept) => {
      const others = kept.factors.filter(({ confirmBy }) => confirmBy === undefined || confirmBy > now);
      return others.length >= mostFactors ? undefined : { ...kept, factors: [...others, factor] };
    });
    if (!added) throw new Fault("WRONG_STATE", `you have ${mostFactors} second factors; remove one first`);
  }

  /** Answers the recovery codes where it is the first. @throws Fault NOT_FOUND, INVALID_FIELDS (a wrong code) */
  async confirmTotp(owner: Owner, id: string, code: string) {
    const factor = await this.#waiting(owner, id);
    if (factor.kind !== "totp") throw notFound(id);
    const now = this.#parts.clock.now();
    const lastStep = matchingStep(Buffer.from(factor.secret, "base64url"), code, now, factor.lastStep);
    if (lastStep === undefined)
      throw invalidField("code", "wrong", "it is not what the app shows now; check the clock of the device");
    const { confirmBy: _, ...rest } = factor;
    return this.#confirm(owner, { ...rest, lastStep, usedAt: now });
  }

  /** As confirmTotp. */
  async confirmPasskey(owner: Owner, id: string, attestation: string) {
    const factor = await this.#waiting(owner, id);
    if (factor.kind !== "passkey") throw notFound(id);
    const good = await this.#parts.passkeys.register(factor.challenge, attestation);
    if (good === undefined)
      throw invalidField("attestation", "wrong", "it does not answer this enrolment; begin again");
    const { confirmBy: _, ...rest } = factor;
    return this.#confirm(owner, { ...rest, ...good, challenge: "", usedAt: this.#parts.clock.now() });
  }

  async #waiting({ identity, since }: Owner, id: string): Promise<StoredFactor> {
    const { factors } = await this.#parts.store.get(identity, since);
    const factor = factors.find((one) => one.id === id);
    if (factor?.confirmBy === undefined || factor.confirmBy <= this.#parts.clock.now()) throw notFound(id);
    return factor;
  }

  async #confirm(owner: Owner, factor: StoredFactor) {
    const drawn = drawRecoveryCodes(this.#parts.random);
    let codes: readonly string[] = [];
    const done = await this.#change(owner, (kept) => {
      const waits = kept.factors.some(({ id, confirmBy }) => id === factor.id && confirmBy !== undefined);
      if (!waits) return undefined;
      const first = confirmed(kept.factors).length === 0;
      codes = first ? drawn.codes : [];
      return { factors: replaced(kept.factors, factor), recovery: first ? drawn.hashes : kept.recovery };
    });
    if (!done) throw notFound(factor.id);
    return { factor, codes };
  }

  /** With the last one go the recovery codes. @throws Fault NOT_FOUND */
  async remove(owner: Owner, id: string): Promise<void> {
    const done = await this.#change(owner, (kept) => {
      const factors = kept.factors.filter((one) => one.id !== id);
      if (factors.length === kept.factors.length) return undefined;
      return { factors, recovery: confirmed(factors).length === 0 ? [] : kept.recovery };
    });
    if (!done) throw notFound(id);
  }

  /** @throws Fault WRONG_STATE where there is no factor that they could stand in for. */
  async renewRecoveryCodes(owner: Owner): Promise<readonly string[]> {
    const { codes, hashes } = drawRecoveryCodes(this.#parts.random);
    const done = await this.#change(owner, (kept) =>
      confirmed(kept.factors).length === 0 ? undefined : { ...kept, recovery: hashes },
    );
    if (!done) throw new Fault("WRONG_STATE", "you have no second factor; enrol one first");
    return codes;
  }

  reset({ identity }: Owner): Promise<void> {
    return this.#parts.store.delete(identity);
  }

  /** Changes what is kept; undefined: leaves it. Answers whether it was changed. */
  async #change({ identity, since }: Owner, change: (kept: Kept) => Kept | undefined): Promise<boolean> {
    for (let tries = 0; tries < mostTries; tries += 1) {
      const { version, ...kept } = await this.#parts.store.get(identity, since);
      const next = change(kept);
      if (next === undefined) return false;
      if (await this.#parts.store.put(identity, since, next, version)) return true;
    }
    throw new Fault("CONTENDED", "the account is being changed by others at the moment; try again");
  }
}

function isPasskey(factor: StoredFactor): factor is PasskeyFactor {
  return factor.kind === "passkey";
}

function replaced(factors: readonly StoredFactor[], one: StoredFactor): readonly StoredFactor[] {
  return factors.map((factor) => (factor.id === one.id ? one : factor));
}

function notFound(id: string): Fault {
  return new Fault("NOT_FOUND", `there is no second factor ${JSON.stringify(id)} that this can be done with`);
}
