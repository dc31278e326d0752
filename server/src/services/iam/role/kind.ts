// Roles: what may be done. Those that came with the cloud can't be changed; custom ones live in an org, a project or the system.

import type { FieldViolation } from "@photoncloud/proto";
import { Effect, type Permission, type Role, RoleSchema } from "@photoncloud/proto/gen/iam/v1/role_pb";
import { Fault, invalidField } from "../../../fault.ts";
import { type Admission, defineKind, type Loaded } from "../../kind.ts";
import { nameById } from "../ids.ts";
import { actionProblem } from "../policy/action.ts";
import { compileCondition } from "../policy/condition.ts";
import { resourceProblem } from "../policy/resource-pattern.ts";
import { compileRole, type Statement } from "../policy/statements.ts";
import type { PolicyWrites } from "../policy-writes.ts";

export function roleKind({ delegation, touchGrant }: PolicyWrites) {
  return defineKind({
    schema: RoleSchema,
    uniqueName: "none",
    async admit(admission, next, prior) {
      refuseBuiltIn(prior);
      nameById(next);
      refuseBadPermissions(next.permissions);
      if (prior === undefined) await refuseShadowing(admission, next.id);
      const removed = prior === undefined ? [] : removedDenials(prior.message, next);
      await delegation.mustHold(admission.caller, admission.tenant, compileRole(next).statements, removed);
      if (!admission.planning) touchGrant(keyOf(admission, next.id), (prior?.version ?? 0) + 1);
    },
    async admitDelete(admission, role) {
      refuseBuiltIn(role);
      touchGrant(keyOf(admission, role.id), "gone");
    },
  });
}

function keyOf(admission: Admission, id: string) {
  return { tenant: admission.tenant, kind: RoleSchema.typeName, id };
}

function refuseBuiltIn(role: Loaded<typeof RoleSchema> | undefined): void {
  if (role?.message.builtIn !== true) return;
  throw new Fault(
    "BUILT_IN",
    `${role.id} came with the cloud and can't be changed or deleted; make a role of your own`,
  );
}

/** A role below must not take the id of one above: bindings that name the one above would come to mean the other. */
async function refuseShadowing(admission: Admission, id: string): Promise<void> {
  if ((await admission.get(RoleSchema, id)) === undefined) return;
  throw new Fault("ALREADY_EXISTS", `there is a role ${id} here or in a scope above; choose another id`);
}

/** Conditions of one role: each is compiled when it is written and whenever its scope is read. */
const mostConditions = 64;

function refuseManyConditions(permissions: readonly Permission[]): void {
  const count = permissions.reduce((sum, { conditions }) => sum + conditions.length, 0);
  if (count > mostConditions)
    throw invalidField(
      "permissions",
      "size",
      `they have ${count} conditions; at most ${mostConditions} in all are allowed`,
    );
}

function refuseBadPermissions(permissions: readonly Permission[]): void {
  refuseManyConditions(permissions);
  const violations = permissions.flatMap((permission, index) => problemsOf(permission, `permissions[${index}]`));
  if (violations.length === 0) return;
  const message = violations.map((violation) => `${violation.path}: ${violation.message}`).join("; ");
  throw new Fault("INVALID_FIELDS", message, { violations });
}

function problemsOf(permission: Permission, path: string): FieldViolation[] {
  // An empty action is missing (the value rules say so) or, in a plan, not known yet.
  const action = permission.action === "" ? undefined : actionProblem(permission.action);
  const resource = resourceProblem(permission.resourcePattern ?? "");
  const conditions = permission.conditions.map(compileCondition);
  return [
    ...(action === undefined ? [] : [{ path: `${path}.action`, rule: "pattern", message: action }]),
    ...(resource === undefined ? [] : [{ path: `${path}.resource_pattern`, rule: "pattern", message: resource }]),
    ...conditions.flatMap((compiled, index) =>
      compiled.ok ? [] : [{ path: `${path}.conditions[${index}]`, rule: "cel", message: compiled.problem }],
    ),
  ];
}

function removedDenials(prior: Role, next: Role): readonly Statement[] {
  const spelled = (permission: Permission) =>
    JSON.stringify([permission.action, permission.resourcePattern ?? "", [...permission.conditions].sort()]);
  const kept = new Set(next.permissions.filter((p) => p.effect === Effect.DENY).map(spelled));
  const removed = prior.permissions.filter((p) => p.effect === Effect.DENY && !kept.has(spelled(p)));
  return compileRole({ ...prior, permissions: removed }).statements;
}
