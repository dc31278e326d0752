// What one scope knows of who may do what: its roles, bindings and guardrails; and an org's own scope of its groups and its principals' boundaries.
import { fromBinary } from "@bufbuild/protobuf";
import { GroupSchema } from "@photoncloud/proto/gen/iam/v1/group_pb";
import { GuardrailSchema } from "@photoncloud/proto/gen/iam/v1/guardrail_pb";
import { RoleBindingSchema } from "@photoncloud/proto/gen/iam/v1/role_binding_pb";
import { RoleSchema } from "@photoncloud/proto/gen/iam/v1/role_pb";
import { ServiceAccountSchema } from "@photoncloud/proto/gen/iam/v1/service_account_pb";
import { UserSchema } from "@photoncloud/proto/gen/iam/v1/user_pb";
import type { ResourceRow, Tenant } from "../../../store/store.ts";
import { groupName, principalName } from "../principal-name.ts";
import { identityOf } from "../principals.ts";
import { type CompiledGuardrail, type CompiledRole, compileGuardrail, compileRole } from "./statements.ts";

/** A binding as the decision reads it. */
export interface Bound {
  readonly id: string;
  /** A user, a service account or a group. */
  readonly principal: string;
  readonly roleId: string;
}

/** The kinds that a scope is read for. */
const everywhere: readonly string[] = [RoleSchema.typeName, RoleBindingSchema.typeName, GuardrailSchema.typeName];
const inOrgs: readonly string[] = [GroupSchema.typeName, UserSchema.typeName, ServiceAccountSchema.typeName];

export function kindsIn({ org, project }: Tenant): readonly string[] {
  return org !== "" && project === "" ? [...everywhere, ...inOrgs] : everywhere;
}

/** All kinds that decide who may do what. */
export const policyKinds: readonly string[] = [...everywhere, ...inOrgs];

/** Lists of those that have some in common, by what they have: by principal its bindings, by member its groups. */
class Many<T> {
  readonly #byKey = new Map<string, readonly T[]>();

  of(key: string): readonly T[] {
    return this.#byKey.get(key) ?? [];
  }

  keys(): Iterable<string> {
    return this.#byKey.keys();
  }

  add(key: string, one: T): void {
    this.#byKey.set(key, [...this.of(key), one]);
  }

  remove(key: string, one: T): void {
    const rest = this.of(key).filter((other) => other !== one);
    if (rest.length === 0) this.#byKey.delete(key);
    else this.#byKey.set(key, rest);
  }
}

export class ScopeTable {
  readonly roles = new Map<string, CompiledRole>();
  readonly #guardrails = new Map<string, CompiledGuardrail>();
  readonly #bindings = new Map<string, Bound>();
  readonly #byPrincipal = new Many<Bound>();
  /** By the group's name. */
  readonly #members = new Map<string, readonly string[]>();
  readonly #groupsOf = new Many<string>();
  readonly #boundaries = new Map<string, string>();
  readonly #tenant: Tenant;
  /** Counts the rows that were applied. */
  changes = 0;
  /** Kept ready: most scopes have none, and every decision asks. */
  #guarding: readonly CompiledGuardrail[] = [];

  constructor(tenant: Tenant) {
    this.#tenant = tenant;
  }

  bindingsOf(principal: string): readonly Bound[] {
    return this.#byPrincipal.of(principal);
  }

  get bindings(): Iterable<Bound> {
    return this.#bindings.values();
  }

  get guardrails(): readonly CompiledGuardrail[] {
    return this.#guarding;
  }

  /** The groups that someone is stored in, by their names. */
  groupsOf(principal: string): readonly string[] {
    return this.#groupsOf.of(principal);
  }

  /** Undefined: there is no such group. */
  membersOf(group: string): readonly string[] | undefined {
    return this.#members.get(group);
  }

  /** The id of the role that bounds someone. */
  boundaryOf(principal: string): string | undefined {
    return this.#boundaries.get(principal);
  }

  /** Makes a row's place what the row says; undefined: it is gone. A tombstone gives nothing any more. */
  apply(kind: string, id: string, row: ResourceRow | undefined): void {
    this.changes += 1;
    const live = row?.phase === "live" ? row : undefined;
    if (kind === RoleSchema.typeName) this.#applyRole(id, live);
    else if (kind === RoleBindingSchema.typeName) this.#applyBinding(id, live);
    // A guardrail that is being deleted holds until it is gone; there is no such time, since nothing has to be unmade.
    else if (kind === GuardrailSchema.typeName) this.#applyGuardrail(id, live);
    else if (kind === GroupSchema.typeName) this.#applyGroup(id, live);
    else this.#applyPrincipal(kind, id, live);
  }

  #applyRole(id: string, row: ResourceRow | undefined): void {
    if (row === undefined) this.roles.delete(id);
    else this.roles.set(id, compileRole(roleOf(row)));
  }

  #applyBinding(id: string, row: ResourceRow | undefined): void {
    const before = this.#bindings.get(id);
    this.#bindings.delete(id);
    if (before !== undefined) this.#byPrincipal.remove(before.principal, before);
    if (row === undefined) return;
    const { principal, roleId } = fromBinary(RoleBindingSchema, row.data);
    const bound = { id, principal, roleId };
    this.#bindings.set(id, bound);
    this.#byPrincipal.add(principal, bound);
  }

  #applyGuardrail(id: string, row: ResourceRow | undefined): void {
    if (row === undefined) this.#guardrails.delete(id);
    else this.#guardrails.set(id, compileGuardrail(fromBinary(GuardrailSchema, row.data)));
    this.#guarding = [...this.#guardrails.values()];
  }

  #applyGroup(id: string, row: ResourceRow | undefined): void {
    const name = groupName(this.#tenant.org, id);
    for (const member of this.#members.get(name) ?? []) this.#groupsOf.remove(member, name);
    this.#members.delete(name);
    if (row === undefined) return;
    const { members } = fromBinary(GroupSchema, row.data);
    this.#members.set(name, members);
    for (const member of members) this.#groupsOf.add(member, name);
  }

  #applyPrincipal(kind: string, id: string, row: ResourceRow | undefined): void {
    const identity = identityOf({ tenant: this.#tenant, kind, id });
    if (identity === undefined) return;
    const boundary = row === undefined ? "" : boundaryIn(kind, row.data);
    if (boundary === "") this.#boundaries.delete(principalName(identity));
    else this.#boundaries.set(principalName(identity), boundary);
  }
}

/** A role as its row has it; its version is among its outputs. */
export function roleOf({ data, observed }: Pick<ResourceRow, "data" | "observed">) {
  const role = fromBinary(RoleSchema, data);
  role.version = observed.length === 0 ? 0n : fromBinary(RoleSchema, observed).version;
  return role;
}

function boundaryIn(kind: string, data: Uint8Array): string {
  const message = kind === UserSchema.typeName ? fromBinary(UserSchema, data) : fromBinary(ServiceAccountSchema, data);
  return message.permissionBoundaryRoleId ?? "";
}
