// What a decision about a place looks at: the scopes that the place lies in, and the org in which the principal is at home.
import { type Identity, principalName } from "../principal-name.ts";
import type { Boundary, Grant, Guard, Policy, Settled } from "./policy.ts";
import type { Bound, ScopeTable } from "./scope-table.ts";
import type { CompiledRole } from "./statements.ts";

/** A scope on the way up. */
export interface Level {
  /** "org/acme-corp/project/alpha"; "" is the system. */
  readonly scope: string;
  readonly table: ScopeTable;
}

export interface View {
  /** The nearest scope first; the system last. */
  readonly levels: readonly Level[];
  /** The principal's own org, and the system: where its groups are, and the role that bounds it. */
  readonly home: readonly Level[];
  /** What was collected for those who asked here; left out: nothing is kept. */
  readonly kept?: KeptPolicies;
}

/** Policies of one view by their principals' ids (all are of the home's org), as long as nothing in its scopes changes. */
export interface KeptPolicies {
  readonly byId: Readonly<Record<Identity["kind"], Map<string, { readonly policy: Policy; readonly changes: number }>>>;
  /** All that the view looks at, each once. */
  readonly tables: readonly ScopeTable[];
  /** How many are kept in all views together. */
  readonly count: { all: number };
}

/** Who is asked about. */
export interface Subject {
  /** "user:acme-corp/alice" */
  readonly name: string;
  readonly org: string;
  /** Groups that its login brought. */
  readonly groups?: readonly string[] | undefined;
}

/** A place for policies of a view. */
export function keptPolicies({ levels, home }: View, count: KeptPolicies["count"]): KeptPolicies {
  const tables = [...new Set([...levels, ...home].map(({ table }) => table))];
  return { byId: { user: new Map(), service_account: new Map() }, tables, count };
}

/** What speaks of someone who calls. It is on the way of every call: no name is put together for what is known. */
export function policyFor(view: View, principal: Identity & { readonly groups?: readonly string[] }): Policy {
  const { kept } = view;
  const { groups } = principal;
  if (kept === undefined || (groups !== undefined && groups.length > 0))
    return policyOf(view, { name: principalName(principal), org: principal.org, groups });
  const changes = changesIn(kept);
  const byId = kept.byId[principal.kind];
  const known = byId.get(principal.id);
  if (known !== undefined && known.changes === changes) return known.policy;
  const policy = {
    ...policyOf(view, { name: principalName(principal), org: principal.org }),
    settled: new Map<string, Settled>(),
  };
  if (known === undefined) kept.count.all += 1;
  byId.set(principal.id, { policy, changes });
  return policy;
}

/** Counts what was changed in the scopes of a view: it only ever grows. */
function changesIn({ tables }: KeptPolicies): number {
  let changes = 0;
  for (const table of tables) changes += table.changes;
  return changes;
}

/** What speaks of somebody, collected anew. */
export function policyOf({ levels, home }: View, { name, org, groups: brought }: Subject): Policy {
  const own = home[0]?.table;
  const groups = joined(own, name, org, brought);
  return {
    principal: name,
    groups,
    guards: guardsIn(levels),
    boundary: boundaryOf(home, own?.boundaryOf(name)),
    grants: grantsIn(levels, name, groups),
  };
}

/** A login brings groups of the principal's own org alone, and none that is not there. */
function joined(
  own: ScopeTable | undefined,
  name: string,
  org: string,
  brought: readonly string[] | undefined,
): readonly string[] {
  const stored = own?.groupsOf(name) ?? [];
  if (brought === undefined || brought.length === 0) return stored;
  const there = brought.filter((group) => group.startsWith(`group:${org}/`) && own?.membersOf(group) !== undefined);
  return [...new Set([...stored, ...there])];
}

const none: readonly Guard[] = [];

/** The system's first. */
export function guardsIn(levels: readonly Level[]): readonly Guard[] {
  if (levels.every(({ table }) => table.guardrails.length === 0)) return none;
  return levels.toReversed().flatMap(({ scope, table }) => table.guardrails.map((guardrail) => ({ scope, guardrail })));
}

function boundaryOf(home: readonly Level[], roleId: string | undefined): Boundary | undefined {
  return roleId === undefined ? undefined : { roleId, role: roleIn(home, 0, roleId) };
}

/** The nearest scope first, and in each what speaks of the principal itself. A binding whose role is gone gives nothing. */
function grantsIn(levels: readonly Level[], name: string, groups: readonly string[]): readonly Grant[] {
  const grants: Grant[] = [];
  for (let level = 0; level < levels.length; level += 1) {
    add(grants, levels, level, name, undefined);
    for (const group of groups) add(grants, levels, level, group, group);
  }
  return grants;
}

function add(
  grants: Grant[],
  levels: readonly Level[],
  level: number,
  holder: string,
  group: string | undefined,
): void {
  const here = levels[level];
  for (const bound of here?.table.bindingsOf(holder) ?? []) {
    const grant = grantOf(levels, level, bound, group);
    if (grant !== undefined) grants.push(grant);
  }
}

/** What a binding of a level gives. */
export function grantOf(
  levels: readonly Level[],
  level: number,
  { id, roleId }: Bound,
  group: string | undefined,
): Grant | undefined {
  const role = roleIn(levels, level, roleId);
  const here = levels[level];
  if (role === undefined || here === undefined) return undefined;
  const grant = { bindingId: id, scope: here.scope, role };
  return group === undefined ? grant : { ...grant, group };
}

/** A role by its id as a binding of a level names it: of its own scope, or of the nearest above. */
export function roleIn(levels: readonly Level[], level: number, id: string): CompiledRole | undefined {
  for (let above = level; above < levels.length; above += 1) {
    const role = levels[above]?.table.roles.get(id);
    if (role !== undefined) return role;
  }
  return undefined;
}
