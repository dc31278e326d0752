// Roles: what may be done. Those that came with the cloud can't be changed; custom ones live in an org, a project or the system.

import { Effect, type Role, RoleSchema } from "@photoncloud/proto/gen/iam/v1/role_pb";
import { Fault } from "../../../fault.ts";
import { type Admission, defineKind, type Loaded } from "../../kind.ts";
import { nameById } from "../ids.ts";
import { refuseBadStatements } from "../policy/problems.ts";
import { compileRole, compileStatement, type Statement } from "../policy/statements.ts";
import type { PolicyWrites } from "../policy-writes.ts";
import { permitTheSame, type RoleHistory, spelledPermission } from "./history.ts";
import { rollBack, versionQueries } from "./versions.ts";

export function roleKind({ access, delegation }: PolicyWrites, history: RoleHistory) {
  return defineKind({
    schema: RoleSchema,
    uniqueName: "none",
    async admit(admission, next, prior) {
      refuseBuiltIn(prior);
      nameById(next);
      refuseBadStatements("permissions", next.permissions);
      if (prior === undefined) await refuseShadowing(admission, next.id);
      next.version = versionAfter(next, prior);
      const removed = prior === undefined ? [] : removedDenials(prior.message, next);
      await delegation.mustHold(admission.caller, admission.tenant, compileRole(next).statements, removed);
    },
    access: (tenant, next, prior) => access.ofRole(tenant, next, prior),
    async admitDelete(_, role) {
      refuseBuiltIn(role);
    },
    methods: { RollBackRole: rollBack(history) },
    queries: versionQueries(history),
  });
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

/** A change of its permissions makes a version; a change of its labels does not. */
function versionAfter(next: Role, prior: Loaded<typeof RoleSchema> | undefined): bigint {
  if (prior === undefined) return 1n;
  const before = prior.message.version || 1n;
  return permitTheSame(prior.message, next) ? before : before + 1n;
}

function removedDenials(prior: Role, next: Role): readonly Statement[] {
  const kept = new Set(next.permissions.map(spelledPermission));
  const removed = prior.permissions.filter((p) => p.effect === Effect.DENY && !kept.has(spelledPermission(p)));
  return removed.map(compileStatement);
}
