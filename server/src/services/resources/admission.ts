// The hands of admission: reads and claims for one resource that is being written, and changes to others in the same transaction.
import { clone, type DescMessage, isMessage, type Message, type MessageShape } from "@bufbuild/protobuf";
import { Scope } from "@photoncloud/proto";
import type { HypervisorDriver } from "../../backends/hypervisor/driver.ts";
import type { Claim, Reference, ResourceKey, ResourceRow, Tenant } from "../../store/store.ts";
import type { Admission, Caller, Elsewhere, Loaded } from "../kind.ts";
import { unknownReference } from "./errors.ts";
import { isUnknown } from "./references.ts";
import { loadedOf } from "./rows.ts";
import type { Slice } from "./slices.ts";
import { homesOf } from "./tenancy.ts";
import { UnknownNeeded, veiled } from "./veil.ts";
import { cloudItself, findRow, keyOf, keyText, type Work } from "./work.ts";

/** More than a tenant can fill: what admission is told of a space must be all of it. */
export const mostClaims = 10_000_000;

/** How many rows a list reads at a time. */
const batch = 1_000;

export class ResourceAdmission implements Admission {
  readonly tenant: Tenant;
  readonly caller: Caller;
  readonly now: number;
  readonly planning: boolean;
  readonly hypervisor: Pick<HypervisorDriver, "cantRun">;
  readonly claims: Claim[] = [];
  /** Beside those that the annotations tell of. */
  readonly references: Reference[] = [];
  readonly limits = new Map<string, number>();
  /** Undefined: the secret stays as it is. */
  secret: Uint8Array | undefined;
  once: Record<string, unknown> = {};
  readonly #work: Work;

  constructor(work: Work, tenant: Tenant) {
    this.#work = work;
    this.tenant = tenant;
    this.caller = work.caller;
    this.now = work.tx.now;
    this.planning = work.unknown !== undefined;
    this.hypervisor = work.hypervisor ?? {};
  }

  random(bytes: number): Uint8Array {
    return this.#work.random(bytes);
  }

  async get<Desc extends DescMessage>(schema: Desc, id: string): Promise<Loaded<Desc> | undefined> {
    const slice = this.#work.slices.of(schema.typeName);
    const row = await findRow(this.#work.tx, slice.kind, id, this.tenant);
    return row && this.#load(slice, schema, row);
  }

  async reference<Desc extends DescMessage>(schema: Desc, id: string, path: string): Promise<Loaded<Desc>> {
    if (isUnknown(this.#work.unknown, path)) throw new UnknownNeeded(path);
    const found = await this.get(schema, id);
    if (found !== undefined && found.phase === "live") return found;
    throw unknownReference(this.#work.slices.of(schema.typeName).kind.noun, id, path);
  }

  async referenceIn<Desc extends DescMessage>(
    tenant: Tenant,
    schema: Desc,
    id: string,
    path: string,
  ): Promise<Loaded<Desc>> {
    if (isUnknown(this.#work.unknown, path)) throw new UnknownNeeded(path);
    const slice = this.#work.slices.of(schema.typeName);
    const target: ResourceKey = { tenant, kind: schema.typeName, id };
    const row = id === "" ? undefined : await this.#work.tx.get(target);
    if (row === undefined || row.phase === "deleting") throw unknownReference(slice.kind.noun, id, path);
    this.references.push({ path, target });
    return this.#load(slice, schema, row);
  }

  users(schema: DescMessage, id: string): Promise<readonly ResourceKey[]> {
    return this.#work.tx.referrers({ tenant: this.tenant, kind: schema.typeName, id }, mostClaims);
  }

  async some<Desc extends DescMessage>(schema: Desc, ids: readonly string[]): Promise<readonly Loaded<Desc>[]> {
    const slice = this.#work.slices.of(schema.typeName);
    const tenants = homesOf(slice.kind, this.tenant);
    const query = { tenants, kind: slice.kind.typeName, limit: batch * tenants.length };
    const found: Loaded<Desc>[] = [];
    for (let at = 0; at < ids.length; at += batch) {
      const rows = await this.#work.tx.list({ ...query, ids: ids.slice(at, at + batch) });
      found.push(...rows.map((row) => this.#load(slice, schema, row)));
    }
    return found;
  }

  async list<Desc extends DescMessage>(schema: Desc): Promise<readonly Loaded<Desc>[]> {
    const slice = this.#work.slices.of(schema.typeName);
    const found: Loaded<Desc>[] = [];
    const tenants = slice.kind.scope === Scope.ANY ? [this.tenant] : homesOf(slice.kind, this.tenant);
    for (let after: { id: string; tenant: Tenant } | undefined; ; ) {
      const query = { tenants, kind: slice.kind.typeName, limit: batch };
      const rows = await this.#work.tx.list(after === undefined ? query : { ...query, after });
      found.push(...rows.map((row) => this.#load(slice, schema, row)));
      const last = rows.at(-1);
      if (last === undefined || rows.length < batch) return found;
      after = { id: last.id, tenant: last.tenant };
    }
  }

  claim(claim: Claim): void {
    this.claims.push(claim);
  }

  limit(measure: string, most: number): void {
    this.limits.set(measure, most);
  }

  async claimed(space: string): Promise<ReadonlySet<string>> {
    return new Set((await this.#work.tx.claims(space, mostClaims)).map((claim) => claim.key));
  }

  guard(name: string): void {
    this.#work.tx.guard(name);
  }

  keepSecret(secret: Uint8Array): void {
    this.secret = secret;
  }

  answerOnce(outputs: Record<string, unknown>): void {
    this.once = { ...this.once, ...outputs };
  }

  async change<Desc extends DescMessage>(
    schema: Desc,
    id: string,
    change: (message: MessageShape<Desc>) => void,
  ): Promise<void> {
    const slice = this.#work.slices.of(schema.typeName);
    const row = await findRow(this.#work.tx, slice.kind, id, this.tenant);
    // What is gone needs no change.
    if (row === undefined) return;
    const { message } = this.#load(slice, schema, row);
    change(message);
    this.#work.touched.set(keyText(row), { slice, row, message, caller: this.caller });
  }

  async wake(schema: DescMessage, id: string): Promise<void> {
    const { kind } = this.#work.slices.of(schema.typeName);
    const row = await findRow(this.#work.tx, kind, id, this.tenant);
    if (row !== undefined) this.#schedule(keyOf(row));
  }

  async wakeUsers(schema: DescMessage, id: string): Promise<void> {
    const key = { tenant: this.tenant, kind: schema.typeName, id };
    for (const user of await this.#work.tx.referrers(key, mostClaims)) this.#schedule(user);
  }

  elsewhere(tenant: Tenant): Elsewhere {
    return new ResourceAdmission({ ...this.#work, caller: cloudItself }, tenant);
  }

  #schedule(key: ResourceKey): void {
    if (this.#work.slices.find(key.kind)?.definition.reconciler !== undefined) this.#work.tx.schedule(key);
  }

  /** A resource with what this transaction has changed of it so far. */
  #load<Desc extends DescMessage>(slice: Slice, schema: Desc, row: ResourceRow): Loaded<Desc> {
    const touched = this.#work.touched.get(keyText(row))?.message;
    const loaded = loadedOf(slice, schema, row);
    return isMessage(touched, schema) ? { ...loaded, message: clone(schema, touched) } : loaded;
  }
}

/** Runs a kind's admission; in a plan only as far as it goes without what the caller does not know yet. */
export async function admit(
  work: Work,
  slice: Slice,
  admission: ResourceAdmission,
  next: Message,
  prior: Loaded<DescMessage> | undefined,
): Promise<void> {
  if (work.unknown === undefined || work.unknown.size === 0) return slice.definition.admit?.(admission, next, prior);
  try {
    await slice.definition.admit?.(admission, veiled(slice.kind.fields, next, work.unknown), prior);
  } catch (error) {
    if (!(error instanceof UnknownNeeded)) throw error;
  }
}
