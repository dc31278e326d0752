// Everything that is stored and has a part in the network, read page by page, with what it refers to answered from memory.
import type { DescMessage, Message, MessageShape } from "@bufbuild/protobuf";
import { Scope } from "@photoncloud/proto";
import { messageOf } from "../../engine/message.ts";
import { homesOf } from "../../engine/tenants.ts";
import type { ResourceKey, ResourceRow, Store, Tenant } from "../../store/store.ts";
import type { Slice, Slices } from "../resources/slices.ts";
import { type RelatedReader, relatedIn } from "./objects.ts";

/** Rows of one read. */
const pageSize = 1_000;
/** Tenants of one read: their rows are sorted together. */
const tenantsAtOnce = 50;

export interface StoredOptions {
  readonly store: Pick<Store, "list" | "get">;
  readonly slices: Slices;
}

/** A resource that was read. */
export interface StoredResource {
  readonly key: ResourceKey;
  readonly row: ResourceRow;
  readonly slice: Slice;
}

/** What was read, by kind and id; ids are never used again, so they name one resource alone, whoever's. */
export class Stored implements RelatedReader {
  readonly #resources = new Map<string, StoredResource>();
  readonly #messages = new Map<string, Message>();
  readonly #else: RelatedReader;

  constructor(store: Pick<Store, "get">) {
    this.#else = relatedIn(store);
  }

  add(slice: Slice, row: ResourceRow): void {
    const { tenant, kind, id } = row;
    this.#resources.set(nameOf(kind, id), { key: { tenant, kind, id }, row, slice });
  }

  find(kind: string, id: string): StoredResource | undefined {
    return this.#resources.get(nameOf(kind, id));
  }

  all(): Iterable<StoredResource> {
    return this.#resources.values();
  }

  async read<Desc extends DescMessage>(schema: Desc, id: string, from: ResourceKey) {
    const found = this.find(schema.typeName, id);
    if (found === undefined || !isHome(found.key, from.tenant)) return this.#else.read(schema, id, from);
    return this.#messageOf(schema, found.row);
  }

  async exists(key: ResourceKey): Promise<boolean> {
    const found = this.find(key.kind, key.id);
    if (found === undefined) return this.#else.exists(key);
    return found.row.phase === "live" && isSame(found.key.tenant, key.tenant);
  }

  /** Each is decoded once: a thousand ports name the same subnet. */
  #messageOf<Desc extends DescMessage>(schema: Desc, row: ResourceRow): MessageShape<Desc> {
    const name = nameOf(row.kind, row.id);
    const known = this.#messages.get(name);
    if (known !== undefined && isShapeOf(schema, known)) return known;
    const message = messageOf(schema, row);
    this.#messages.set(name, message);
    return message;
  }
}

function isShapeOf<Desc extends DescMessage>(schema: Desc, message: Message): message is MessageShape<Desc> {
  return message.$typeName === schema.typeName;
}

const nameOf = (kind: string, id: string) => `${kind}/${id}`;
const isSame = (a: Tenant, b: Tenant) => a.org === b.org && a.project === b.project;

function isHome({ kind, tenant }: ResourceKey, from: Tenant): boolean {
  return homesOf(kind, from).some((home) => isSame(home, tenant));
}

/** Reads everything. */
export async function readStored({ store, slices }: StoredOptions, signal: AbortSignal): Promise<Stored> {
  const stored = new Stored(store);
  const tenants = await readTenants({ store, slices }, signal);
  for (const slice of slices.all.filter(({ definition }) => definition.network !== undefined))
    for await (const row of rowsOf(store, slice.kind.typeName, tenantsFor(slice, tenants), signal))
      stored.add(slice, row);
  return stored;
}

/** The rows of these ids that are there now, in whatever tenant. */
export async function readAgain(
  { store, slices }: StoredOptions,
  slice: Slice,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<readonly ResourceRow[]> {
  const tenants = tenantsFor(slice, await readTenants({ store, slices }, signal));
  const found: ResourceRow[] = [];
  for (let from = 0; from < ids.length; from += pageSize)
    for await (const row of rowsOf(store, slice.kind.typeName, tenants, signal, ids.slice(from, from + pageSize)))
      found.push(row);
  return found;
}

const system: Tenant = { org: "", project: "" };

interface Tenants {
  readonly orgs: readonly Tenant[];
  readonly projects: readonly Tenant[];
}

async function readTenants({ store, slices }: StoredOptions, signal: AbortSignal): Promise<Tenants> {
  const [orgKind, projectKind] = [slices.scopeKind(Scope.ORG), slices.scopeKind(Scope.PROJECT)];
  const orgs: Tenant[] = [];
  const projects: Tenant[] = [];
  if (orgKind !== undefined)
    for await (const { id } of rowsOf(store, orgKind.typeName, [system], signal)) orgs.push({ org: id, project: "" });
  if (projectKind !== undefined)
    for await (const { tenant, id } of rowsOf(store, projectKind.typeName, orgs, signal))
      projects.push({ org: tenant.org, project: id });
  return { orgs, projects };
}

function tenantsFor({ kind }: Slice, { orgs, projects }: Tenants): readonly Tenant[] {
  switch (kind.scope) {
    case Scope.SYSTEM:
      return [system];
    case Scope.ORG:
      return orgs;
    case Scope.PROJECT:
      return projects;
    default:
      return [system, ...orgs, ...projects];
  }
}

async function* rowsOf(
  store: Pick<Store, "list">,
  kind: string,
  all: readonly Tenant[],
  signal: AbortSignal,
  ids?: readonly string[],
): AsyncGenerator<ResourceRow> {
  for (let from = 0; from < all.length; from += tenantsAtOnce) {
    const tenants = all.slice(from, from + tenantsAtOnce);
    let after: { readonly id: string; readonly tenant: Tenant } | undefined;
    for (;;) {
      signal.throwIfAborted();
      const rows = await store.list({ tenants, kind, limit: pageSize, ...(after && { after }), ...(ids && { ids }) });
      yield* rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < pageSize) break;
      after = { id: last.id, tenant: last.tenant };
    }
  }
}
