// A transaction that is never committed: it reads like the real one, keeps what would be written, and then looks whether the store would take it.
import {
  type Amounts,
  type Claim,
  isOver,
  type LimitUse,
  type ListQuery,
  type NewEvent,
  type ResourceKey,
  type ResourceWrite,
  StoreError,
  type Tx,
} from "../../store/store.ts";
import { mostClaims } from "./admission.ts";
import { claimTaken, duplicateId, nameSpace } from "./errors.ts";
import type { Slices } from "./slices.ts";
import { keyText } from "./work.ts";

export class Rehearsal implements Tx {
  readonly now: number;
  readonly #tx: Tx;
  readonly #created: ResourceWrite[] = [];
  readonly #written: ResourceWrite[] = [];

  constructor(tx: Tx) {
    this.#tx = tx;
    this.now = tx.now;
  }

  get(key: ResourceKey) {
    return this.#tx.get(key);
  }
  list(query: ListQuery) {
    return this.#tx.list(query);
  }
  claims(space: string, limit?: number) {
    return this.#tx.claims(space, limit);
  }
  referrers(key: ResourceKey, limit?: number) {
    return this.#tx.referrers(key, limit);
  }
  limitUses(): Promise<readonly LimitUse[]> {
    return this.#tx.limitUses();
  }
  guard(): void {}
  create(write: ResourceWrite): void {
    this.#created.push(write);
    this.#written.push(write);
    this.#tx.create(write);
  }
  update(write: ResourceWrite): void {
    this.#written.push(write);
    this.#tx.update(write);
  }
  observe(): void {}
  measure(_key: ResourceKey, _amounts: Amounts): void {}
  tombstone(): void {}
  remove(): void {}
  append(_event: NewEvent): void {}
  schedule(): void {}
  settle(): void {}
  remember(): void {}

  /**
   * References were resolved as they were collected. Answers the limits that it comes under.
   *
   * @throws Fault ALREADY_EXISTS if an id or a claim is taken; StoreError over_limit
   */
  async check(slices: Slices): Promise<readonly LimitUse[]> {
    await this.#checkKeys(slices);
    const uses = await this.#tx.limitUses();
    const over = uses.find(isOver);
    if (over !== undefined) throw new StoreError({ reason: "over_limit", use: over });
    return uses;
  }

  async #checkKeys(slices: Slices): Promise<void> {
    for (const key of this.#created) if ((await this.#tx.get(key)) !== undefined) throw duplicateId(slices, key);
    for (const write of this.#written)
      for (const claim of write.claims) {
        const owner = claim.drawn === true ? undefined : await this.#ownerOf(write, claim);
        if (owner !== undefined && keyText(owner) !== keyText(write)) throw claimTaken(slices, claim, write, owner);
      }
  }

  /** Names are found by the store's index; other spaces are small. */
  async #ownerOf(write: ResourceWrite, claim: Claim): Promise<ResourceKey | undefined> {
    if (claim.space !== nameSpace(write.kind, write)) {
      const claims = await this.#tx.claims(claim.space, mostClaims);
      return claims.find((one) => one.key === claim.key)?.owner;
    }
    const [owner] = await this.#tx.list({ tenants: [write.tenant], kind: write.kind, name: claim.key, limit: 1 });
    return owner;
  }
}
