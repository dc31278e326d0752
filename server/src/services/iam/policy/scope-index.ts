// Who may do what, in memory, scope by scope: loaded when a scope is first asked for, and kept current row by row.
// A row is always read again from the store, never taken from an event: so the index can be late, but never wrong for long.
import { OrgSchema } from "@photoncloud/proto/gen/iam/v1/org_pb";
import { ProjectSchema } from "@photoncloud/proto/gen/iam/v1/project_pb";
import type { Clock } from "../../../clock.ts";
import type { ResourceKey, ResourceRow, Store, Tenant } from "../../../store/store.ts";
import { formatPath } from "../../call.ts";
import { kindsIn, ScopeTable } from "./scope-table.ts";
import { keptPolicies, type Level, type View } from "./view.ts";

/** Scopes that are kept; the one that was loaded first goes first. At a few bindings each some ten megabytes. */
const mostScopes = 10_000;
/** Views that are kept: each place, as seen by those of an org. */
const mostViews = 20_000;
/** What was collected for each caller at each place where it works; some hundred bytes each. */
const mostPolicies = 100_000;
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
  /** By place and home; emptied when a scope is no longer kept current. */
  readonly #views = new Map<string, Map<string, View>>();
  #viewCount = 0;
  #forgotten = 0;
  readonly #collected = { all: 0 };
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

  /** Says that a transaction of this process is about to write what decides who may do what, so that checks after its commit see it. */
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

  /** What is looked at for a place, by someone who is at home in an org: at once where it is known, otherwise when it was read. */
  view(path: Tenant, home: string): View | Promise<View> {
    if (this.#collected.all >= mostPolicies) this.#clear();
    return this.known(path, home) ?? this.#collect(path, home);
  }

  /** The same where nothing has to be read for it; undefined: something has. */
  known(path: Tenant, home: string): View | undefined {
    return this.#concerns(path, home) ? undefined : this.#views.get(viewsOf(path, home))?.get(path.project);
  }

  /** Whether something is pending in the scopes that a view looks at: what others do in theirs must cost nothing here. */
  #concerns(path: Tenant, home: string): boolean {
    if (this.#pending.size === 0) return false;
    const scopes = scopesFor(path, home);
    return [...this.#pending.values()].some((pending) => scopes.includes(pending.scope));
  }

  async #collect(path: Tenant, home: string): Promise<View> {
    if (this.#concerns(path, home)) await this.#settle(scopesFor(path, home));
    const forgotten = this.#forgotten;
    const view = { levels: await this.#levels(path), home: await this.#levels({ org: home, project: "" }) };
    return this.#forgotten === forgotten ? this.#keep(path, home, view) : view;
  }

  async #levels(path: Tenant): Promise<readonly Level[]> {
    const levels: Level[] = [];
    for (const tenant of scopesOf(path)) {
      const scope = scopeName(tenant);
      levels.push({ scope, table: this.#scopes.get(scope)?.table ?? (await this.#load(scope, tenant)) });
    }
    return levels;
  }

  #keep(path: Tenant, home: string, view: View): View {
    if (this.#viewCount >= mostViews) this.#clear();
    this.#viewCount += 1;
    const kept = { ...view, kept: keptPolicies(view, this.#collected) };
    const name = viewsOf(path, home);
    const views = this.#views.get(name) ?? new Map<string, View>();
    this.#views.set(name, views.set(path.project, kept));
    return kept;
  }

  #clear(): void {
    this.#views.clear();
    this.#viewCount = 0;
    this.#collected.all = 0;
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
    if (table.changes === 0 && !(await this.#isThere(tenant))) this.#drop(scope, entry);
    else entry.table = table;
    return table;
  }

  /** Whether a scope that says nothing is one at all. */
  async #isThere({ org, project }: Tenant): Promise<boolean> {
    if (org === "") return true;
    const system = { org: "", project: "" };
    const key =
      project === ""
        ? { tenant: system, kind: OrgSchema.typeName, id: org }
        : { tenant: { org, project: "" }, kind: ProjectSchema.typeName, id: project };
    return (await this.#store.get(key)) !== undefined;
  }

  /** What is no scope is not kept, nor are views of it: who makes names up pushes out nobody's. */
  #drop(scope: string, entry: Entry): void {
    if (this.#scopes.get(scope) === entry) this.#scopes.delete(scope);
    this.#forgotten += 1;
  }

  #begin(scope: string, tenant: Tenant): Entry {
    const entry: Entry = { table: undefined, loading: this.#fill(new ScopeTable(tenant), tenant) };
    // What could not be loaded is loaded again at the next asking.
    entry.loading.catch(() => this.#scopes.get(scope) === entry && this.#forget(scope));
    this.#scopes.set(scope, entry);
    this.#makeRoom();
    return entry;
  }

  async #fill(table: ScopeTable, tenant: Tenant): Promise<ScopeTable> {
    for (const kind of kindsIn(tenant)) {
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
    this.#forgotten += 1;
    this.#clear();
  }
}

/** Names the views of an org's projects. Most look at their own org: then nothing is put together. */
function viewsOf({ org }: Tenant, home: string): string {
  return org === home ? org : `${org} ${home}`;
}

/** Project, Org, System: the scopes that a path lies in. */
function scopesOf(path: Tenant): readonly Tenant[] {
  const scopes: Tenant[] = [];
  if (path.org !== "" && path.project !== "") scopes.push({ org: path.org, project: path.project });
  if (path.org !== "") scopes.push({ org: path.org, project: "" });
  scopes.push({ org: "", project: "" });
  return scopes;
}

/** The names of all scopes that a view looks at. */
function scopesFor(path: Tenant, home: string): readonly string[] {
  return [...scopesOf(path), ...scopesOf({ org: home, project: "" })].map(scopeName);
}
