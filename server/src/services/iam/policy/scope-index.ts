// Roles and bindings in memory, scope by scope: loaded when a scope is first asked for, and kept current row by row.
// A row is always read again from the store, never taken from an event: so the index can be late, but never wrong for long.
import { RoleBindingSchema } from "@photoncloud/proto/gen/iam/v1/role_binding_pb";
import { RoleSchema } from "@photoncloud/proto/gen/iam/v1/role_pb";
import type { Clock } from "../../../clock.ts";
import type { ResourceKey, ResourceRow, Store, Tenant } from "../../../store/store.ts";
import { formatPath } from "../../call.ts";
import { Policy } from "./policy.ts";
import { grantsIn, type Level, ScopeTable } from "./scope-table.ts";

/** Scopes that are kept; the one that was loaded first goes first. At a few bindings each some ten megabytes. */
const mostScopes = 10_000;
/** Policies that are kept: each caller at each place where it works. */
const mostPolicies = 50_000;
const pageSize = 1_000;
/** How long a write that began in this process is looked for before it counts as never committed (a plan, a refusal). */
const pendingMs = 10_000;
/** So long every check looks for it; after that only a check that comes after some commit. */
const eagerMs = 1_000;

/** A scope that is loaded, or being loaded. */
interface Entry {
  readonly loading: Promise<ScopeTable>;
  /** Once it is loaded. */
  table: ScopeTable | undefined;
}

interface Pending {
  readonly scope: string;
  readonly key: ResourceKey;
  /** The version that the write will have; "gone": it will be a tombstone, or not there. */
  readonly expected: number | "gone";
  readonly since: number;
  /** How many commits there had been when it was last looked for. */
  seen: number;
}

function scopeName(tenant: Tenant): string {
  return formatPath({ ...tenant, type: "", id: "" });
}

/** Sees whether a write that began here has been committed. */
function settled(pending: Pending, row: ResourceRow | undefined): boolean {
  if (pending.expected === "gone") return row === undefined || row.phase === "deleting";
  return row !== undefined && row.version >= pending.expected;
}

export class ScopeIndex {
  readonly #store: Pick<Store, "get" | "list">;
  readonly #clock: Clock;
  readonly #scopes = new Map<string, Entry>();
  readonly #pending = new Map<string, Pending>();
  /** By principal and place; emptied with every change. */
  readonly #policies = new Map<string, Policy>();
  #changes = 0;
  #commits = 0;
  /** Rows are read again one after the other, so that an older reading never overwrites a newer one. */
  #turn: Promise<void> = Promise.resolve();

  constructor(store: Pick<Store, "get" | "list">, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Says that something was committed: what is pending may be there now. */
  committed(): void {
    this.#commits += 1;
  }

  /** Says that a transaction of this process is about to write a role or a binding, so that checks after its commit see it. */
  touch(key: ResourceKey, expected: number | "gone"): void {
    const scope = scopeName(key.tenant);
    this.#pending.set(`${scope} ${key.kind} ${key.id}`, { scope, key, expected, since: this.#clock.now(), seen: -1 });
  }

  /** Reads one row again, where its scope is loaded. */
  refresh(key: ResourceKey): Promise<ResourceRow | undefined> {
    const run = async () => {
      const entry = this.#scopes.get(scopeName(key.tenant));
      const table = await entry?.loading.catch(() => undefined);
      const row = await this.#store.get(key);
      table?.apply(key.kind, key.id, row);
      this.#changed();
      return row;
    };
    const turn = this.#turn.then(run);
    this.#turn = turn.then(
      () => undefined,
      // The next reading must not start from what this one could not read.
      () => this.#forget(scopeName(key.tenant)),
    );
    return turn;
  }

  /** What a principal was given at a path: at once where it is known, otherwise when it was read. */
  policy(principal: string, path: Tenant): Policy | Promise<Policy> {
    const name = `${principal} ${path.org}/${path.project}`;
    const known = this.#concerns(path) ? undefined : this.#policies.get(name);
    return known ?? this.#collect(name, principal, path);
  }

  /** Whether something is pending in the scopes of a path: what others do in theirs must cost nothing here. */
  #concerns(path: Tenant): boolean {
    if (this.#pending.size === 0) return false;
    const scopes = scopesOf(path).map(scopeName);
    return [...this.#pending.values()].some((pending) => scopes.includes(pending.scope));
  }

  async #collect(name: string, principal: string, path: Tenant): Promise<Policy> {
    if (this.#concerns(path)) await this.#settle(scopesOf(path).map(scopeName));
    const changes = this.#changes;
    const tables: Level[] = [];
    for (const tenant of scopesOf(path)) {
      const scope = scopeName(tenant);
      tables.push({ scope, table: this.#scopes.get(scope)?.table ?? (await this.#load(scope, tenant)) });
    }
    const policy = new Policy(grantsIn(tables, principal));
    if (this.#changes === changes) this.#keep(name, policy);
    return policy;
  }

  #keep(name: string, policy: Policy): void {
    if (this.#policies.size >= mostPolicies) this.#policies.clear();
    this.#policies.set(name, policy);
  }

  /** Something is not as it was: what was collected before may be wrong. */
  #changed(): void {
    this.#changes += 1;
    this.#policies.clear();
  }

  async #settle(scopes: readonly string[]): Promise<void> {
    const now = this.#clock.now();
    for (const [name, pending] of this.#pending) {
      const news = this.#commits !== pending.seen;
      if (!scopes.includes(pending.scope) || (!news && now - pending.since > eagerMs)) continue;
      pending.seen = this.#commits;
      const row = await this.refresh(pending.key);
      if (settled(pending, row) || now - pending.since > pendingMs)
        if (this.#pending.get(name) === pending) this.#pending.delete(name);
    }
  }

  async #load(scope: string, tenant: Tenant): Promise<ScopeTable> {
    const entry = this.#scopes.get(scope) ?? this.#begin(scope, tenant);
    const table = await entry.loading;
    entry.table = table;
    return table;
  }

  #begin(scope: string, tenant: Tenant): Entry {
    const entry: Entry = { table: undefined, loading: this.#fill(new ScopeTable(), tenant) };
    // What could not be loaded is loaded again at the next asking.
    entry.loading.catch(() => this.#scopes.get(scope) === entry && this.#forget(scope));
    this.#scopes.set(scope, entry);
    this.#makeRoom();
    return entry;
  }

  async #fill(table: ScopeTable, tenant: Tenant): Promise<ScopeTable> {
    for (const kind of [RoleSchema.typeName, RoleBindingSchema.typeName]) {
      let page: readonly ResourceRow[];
      let after: { id: string; tenant: Tenant } | undefined;
      do {
        page = await this.#store.list({ tenants: [tenant], kind, limit: pageSize, ...(after && { after }) });
        for (const row of page) table.apply(kind, row.id, row);
        const last = page.at(-1);
        if (last !== undefined) after = { id: last.id, tenant };
      } while (page.length === pageSize);
    }
    return table;
  }

  #makeRoom(): void {
    for (const scope of this.#scopes.keys()) {
      if (this.#scopes.size <= mostScopes) return;
      if (scope !== "") this.#forget(scope);
    }
  }

  /** A scope that is not kept is not kept current either: nothing that was collected from it may stay. */
  #forget(scope: string): void {
    this.#scopes.delete(scope);
    this.#changed();
  }
}

/** Project, Org, System: the scopes that a path lies in. */
function scopesOf(path: Tenant): readonly Tenant[] {
  const scopes: Tenant[] = [];
  if (path.org !== "" && path.project !== "") scopes.push({ org: path.org, project: path.project });
  if (path.org !== "") scopes.push({ org: path.org, project: "" });
  scopes.push({ org: "", project: "" });
  return scopes;
}
