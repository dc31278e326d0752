// What a planned change, or deletion, of roles, bindings, groups, guardrails and principals gives to whom, and takes. In each scope that it concerns, only
// what is given in the scope itself is compared: what somebody has from a scope above is not the business of those who plan below.
import type { Catalog } from "@photoncloud/proto";
import { type Group, GroupSchema } from "@photoncloud/proto/gen/iam/v1/group_pb";
import type { Guardrail } from "@photoncloud/proto/gen/iam/v1/guardrail_pb";
import { OrgSchema } from "@photoncloud/proto/gen/iam/v1/org_pb";
import { ProjectSchema } from "@photoncloud/proto/gen/iam/v1/project_pb";
import { type RoleBinding, RoleBindingSchema } from "@photoncloud/proto/gen/iam/v1/role_binding_pb";
import { type Role, RoleSchema } from "@photoncloud/proto/gen/iam/v1/role_pb";
import type { ResourceKey, Store, Tenant } from "../../../store/store.ts";
import { formatPath } from "../../call.ts";
import type { AccessEffect } from "../../kind.ts";
import { groupName, type Identity, parseGroupName, principalName } from "../principal-name.ts";
import { identityOf, principalKey } from "../principals.ts";
import { difference } from "./extent.ts";
import { parseHolder } from "./holders.ts";
import { permissionsOf } from "./permissions.ts";
import type { Policies } from "./policies.ts";
import type { Grant, Policy } from "./policy.ts";
import { compileGuardrail, compileRole } from "./statements.ts";
import { grantOf, type Level, policyOf, roleIn } from "./view.ts";

/** Principals that are named; of more there is a number. */
const mostPrincipals = 20;
/** Principals that are looked at: a plan must not keep the server busy. */
const mostLookedAt = 200;
/** Scopes that are looked at. */
const mostScopes = 50;
/** Bindings and principals that name a role, a group or somebody. */
const mostReferrers = 1_000;

/** `next` undefined: it is deleted; `prior` undefined: it is made. */
type PlanOf<T> = (tenant: Tenant, next: T | undefined, prior: T | undefined) => Promise<readonly AccessEffect[]>;

/** What has a boundary. */
interface Bounded {
  readonly id: string;
  readonly permissionBoundaryRoleId?: string | undefined;
}

/** Makes of somebody's policy at a scope what the change makes of it. */
type Change = (policy: Policy, level: Level, levels: readonly Level[]) => Policy;

export interface AccessPlans {
  ofBinding: PlanOf<RoleBinding>;
  ofRole: PlanOf<Role>;
  ofGroup: PlanOf<Group>;
  ofGuardrail: PlanOf<Guardrail>;
  /** Of a user or a service account: what bounds it, and all that it has where it is deleted. */
  ofPrincipal(kind: Identity["kind"], ...change: Parameters<PlanOf<Bounded>>): Promise<readonly AccessEffect[]>;
}

type Reading = Pick<Store, "referrers" | "list">;

export function createAccessPlans(store: Reading, policies: Policies, catalog: Catalog): AccessPlans {
  return new Plans(store, policies, permissionsOf(catalog));
}

class Plans implements AccessPlans {
  readonly #store: Reading;
  readonly #policies: Policies;
  readonly #permissions: readonly string[];

  constructor(store: Reading, policies: Policies, permissions: readonly string[]) {
    this.#store = store;
    this.#policies = policies;
    this.#permissions = permissions;
  }

  async ofBinding(tenant: Tenant, next: RoleBinding | undefined, prior: RoleBinding | undefined) {
    if (next === undefined) return this.#withoutBinding(tenant, prior);
    if (prior !== undefined) return [];
    const { principal, roleId } = next;
    const group = parseGroupName(principal) === undefined ? undefined : principal;
    const give: Change = (policy, _, levels) => {
      const grant = grantOf(levels, 0, { id: "", principal, roleId }, group);
      return grant === undefined ? policy : { ...policy, grants: [...policy.grants, grant] };
    };
    return this.#effects([tenant], await this.#reached([principal]), give);
  }

  async #withoutBinding(tenant: Tenant, prior: RoleBinding | undefined) {
    if (prior === undefined) return [];
    const without = ({ bindingId }: Grant) => bindingId !== prior.id;
    const take: Change = (policy) => ({ ...policy, grants: policy.grants.filter(without) });
    return this.#effects([tenant], await this.#reached([prior.principal]), take);
  }

  async ofRole(tenant: Tenant, next: Role | undefined, prior: Role | undefined) {
    if (prior === undefined) return [];
    const role = compileRole(next ?? { ...prior, permissions: [] });
    const swap = (grant: Grant): Grant => (grant.role.id === role.id ? { ...grant, role } : grant);
    const scopes = await this.#namedIn({ tenant, kind: RoleSchema.typeName, id: prior.id });
    const found: AccessEffect[][] = [];
    for (const scope of scopes) {
      const { levels } = await this.#policies.view(scope, scope.org);
      // A scope below may have none of that id but this one.
      if (roleIn(levels, 0, role.id) === undefined) continue;
      const bound = [...(levels[0]?.table.bindings ?? [])].filter(({ roleId }) => roleId === role.id);
      const names = await this.#reached(bound.map(({ principal }) => principal));
      found.push(await this.#all([scope], names, (policy) => ({ ...policy, grants: policy.grants.map(swap) })));
    }
    for (const identity of await this.#boundedBy(tenant, prior.id)) {
      const bind: Change = (policy) =>
        policy.boundary?.role?.id === role.id ? { ...policy, boundary: { roleId: role.id, role } } : policy;
      found.push(await this.#all(await this.#scopesOf(identity), [principalName(identity)], bind));
    }
    return counted(found.flat());
  }

  async ofPrincipal(
    kind: Identity["kind"],
    { org }: Tenant,
    next: Bounded | undefined,
    prior: Bounded | undefined,
  ): Promise<readonly AccessEffect[]> {
    if (prior === undefined) return [];
    const identity: Identity = { kind, org, id: prior.id };
    if (next !== undefined) return this.#ofBoundary(identity, next, prior);
    const nothing: Change = (policy) => ({ ...policy, grants: [] });
    return this.#effects(await this.#scopesOf(identity), [principalName(identity)], nothing);
  }

  async #ofBoundary(identity: Identity, next: Bounded, prior: Bounded) {
    const roleId = next.permissionBoundaryRoleId ?? "";
    if (roleId === (prior.permissionBoundaryRoleId ?? "")) return [];
    const { levels: home } = await this.#policies.view({ org: identity.org, project: "" }, identity.org);
    const boundary = roleId === "" ? undefined : { roleId, role: roleIn(home, 0, roleId) };
    return this.#effects(await this.#scopesOf(identity), [principalName(identity)], (policy) => ({
      ...policy,
      boundary,
    }));
  }

  /** The users and service accounts whose boundary is a role. */
  async #boundedBy(tenant: Tenant, id: string): Promise<readonly Identity[]> {
    const keys = await this.#store.referrers({ tenant, kind: RoleSchema.typeName, id }, mostReferrers);
    return keys.map(identityOf).filter((identity) => identity !== undefined);
  }

  /** Where somebody is given something, also by groups. */
  async #scopesOf(identity: Identity): Promise<readonly Tenant[]> {
    const home = { org: identity.org, project: "" };
    const { levels } = await this.#policies.view(home, identity.org);
    const groups = (levels[0]?.table.groupsOf(principalName(identity)) ?? []).map(parseGroupName);
    const keys = groups.flatMap((group) => (group ? [{ tenant: home, kind: GroupSchema.typeName, id: group.id }] : []));
    const scopes = await Promise.all([principalKey(identity), ...keys].map((key) => this.#namedIn(key)));
    return distinct(scopes.flat());
  }

  async ofGroup(tenant: Tenant, next: Group | undefined, prior: Group | undefined) {
    const id = (next ?? prior)?.id ?? "";
    const name = groupName(tenant.org, id);
    const [before, after] = [new Set(prior?.members), new Set(next?.members)];
    const moved = [...after.symmetricDifference(before)].sort();
    const scopes = await this.#namedIn({ tenant, kind: GroupSchema.typeName, id });
    const own = scopes.filter(({ org }) => org === tenant.org);
    const move: Change = (policy, level, levels) => {
      const rest = policy.grants.filter(({ group }) => group !== name);
      const groups = policy.groups.filter((group) => group !== name);
      if (!after.has(policy.principal)) return { ...policy, groups, grants: rest };
      const given = level.table.bindingsOf(name).map((bound) => grantOf(levels, 0, bound, name));
      return { ...policy, groups: [...groups, name], grants: [...rest, ...given.filter((one) => one !== undefined)] };
    };
    return this.#effects(own, moved, move);
  }

  /** In its own scope, and in those below, where others were given what it denies. */
  async ofGuardrail(tenant: Tenant, next: Guardrail | undefined, prior: Guardrail | undefined) {
    const own = formatPath({ ...tenant, type: "", id: "" });
    const given = next ?? prior;
    if (given === undefined) return [];
    const guardrail = compileGuardrail(given);
    const guard: Change = (policy) => {
      const others = policy.guards.filter((one) => one.guardrail.id !== guardrail.id || one.scope !== own);
      return { ...policy, guards: next === undefined ? others : [...others, { scope: own, guardrail }] };
    };
    const { scopes, more } = await this.#within(tenant);
    const found: AccessEffect[] = [];
    for (const scope of scopes) {
      const { levels } = await this.#policies.view(scope, scope.org);
      const names = await this.#reached([...(levels[0]?.table.bindings ?? [])].map(({ principal }) => principal));
      found.push(...(await this.#all([scope], names, guard)));
    }
    return counted([...found, ...(more ? [note("and scopes below that were not looked at")] : [])]);
  }

  /** A scope and those below it, as many as are looked at. */
  async #within(tenant: Tenant): Promise<{ readonly scopes: readonly Tenant[]; readonly more: boolean }> {
    const scopes = [tenant];
    const orgs =
      tenant.org === "" ? await this.#idsIn(OrgSchema.typeName, tenant) : tenant.project === "" ? [tenant.org] : [];
    for (const org of orgs) {
      const home = { org, project: "" };
      if (org !== tenant.org) scopes.push(home);
      for (const project of await this.#idsIn(ProjectSchema.typeName, home)) scopes.push({ org, project });
      if (scopes.length > mostScopes) break;
    }
    return { scopes: scopes.slice(0, mostScopes), more: scopes.length > mostScopes };
  }

  async #idsIn(kind: string, tenant: Tenant): Promise<readonly string[]> {
    const rows = await this.#store.list({ tenants: [tenant], kind, limit: mostScopes + 1 });
    return rows.map(({ id }) => id);
  }

  async #effects(scopes: readonly Tenant[], names: readonly string[], change: Change) {
    return counted(await this.#all(scopes, names, change));
  }

  async #all(scopes: readonly Tenant[], names: readonly string[], change: Change): Promise<AccessEffect[]> {
    const found: AccessEffect[] = [];
    for (const tenant of scopes.slice(0, mostScopes))
      for (const principal of names.slice(0, mostLookedAt)) {
        const effect = await this.#effect(tenant, principal, change);
        if (effect !== undefined) found.push(effect);
      }
    return [
      ...found,
      ...unseen(scopes.length - mostScopes, "scope"),
      ...unseen(names.length - mostLookedAt, "principal"),
    ];
  }

  async #effect(tenant: Tenant, name: string, change: Change): Promise<AccessEffect | undefined> {
    const org = parseHolder(name)?.org ?? "";
    const view = await this.#policies.view(tenant, org);
    const [level] = view.levels;
    if (level === undefined) return undefined;
    const whole = policyOf(view, { name, org });
    const before = { ...whole, grants: whole.grants.filter(({ scope }) => scope === level.scope) };
    const gained = difference(before, change(before, level, view.levels), this.#permissions);
    if (gained.gives.length === 0 && gained.takes.length === 0) return undefined;
    return { principal: name, scope: level.scope, ...gained };
  }

  /** Those who are named, and the members of the groups among them. */
  async #reached(holders: readonly string[]): Promise<readonly string[]> {
    const names = new Set(holders);
    for (const holder of holders) {
      const group = parseGroupName(holder);
      if (group === undefined) continue;
      const { levels } = await this.#policies.view({ org: group.org, project: "" }, group.org);
      for (const member of levels[0]?.table.membersOf(holder) ?? []) names.add(member);
    }
    return [...names].sort();
  }

  /** The scopes of the bindings that name something. */
  async #namedIn(key: ResourceKey): Promise<readonly Tenant[]> {
    const keys = await this.#store.referrers(key, mostReferrers);
    return distinct(keys.filter(({ kind }) => kind === RoleBindingSchema.typeName).map(({ tenant }) => tenant));
  }
}

function distinct(tenants: readonly Tenant[]): readonly Tenant[] {
  return [...new Map(tenants.map((tenant) => [`${tenant.org}/${tenant.project}`, tenant])).values()];
}

/** Says of how many nothing is said. */
function note(principal: string): AccessEffect {
  return { principal, scope: "", gives: [], takes: [] };
}

const isNote = ({ gives, takes }: AccessEffect) => gives.length === 0 && takes.length === 0;

function unseen(count: number, what: string): readonly AccessEffect[] {
  return count <= 0 ? [] : [note(`and ${count} more ${count === 1 ? what : `${what}s`} that were not looked at`)];
}

function counted(all: readonly AccessEffect[]): readonly AccessEffect[] {
  const [effects, notes] = [all.filter((one) => !isNote(one)), all.filter(isNote)];
  if (effects.length <= mostPrincipals) return [...effects, ...notes];
  return [...effects.slice(0, mostPrincipals), note(`and ${effects.length - mostPrincipals} more`), ...notes];
}
