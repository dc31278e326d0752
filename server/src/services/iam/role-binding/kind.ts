// Role bindings: who has which role where. Each is one grant: the same principal, role and scope can't be bound twice, so that deleting a
// binding surely takes the grant away.
import { RoleBindingSchema } from "@photoncloud/proto/gen/iam/v1/role_binding_pb";
import { RoleSchema } from "@photoncloud/proto/gen/iam/v1/role_pb";
import { formatPath } from "../../call.ts";
import { defineKind } from "../../kind.ts";
import { nameById } from "../ids.ts";
import { referToHolder } from "../policy/holders.ts";
import { compileRole } from "../policy/statements.ts";
import type { PolicyWrites } from "../policy-writes.ts";

export function roleBindingKind({ access, delegation }: PolicyWrites) {
  return defineKind({
    schema: RoleBindingSchema,
    uniqueName: "none",
    async admit(admission, next) {
      nameById(next);
      await referToHolder(admission, delegation, next.principal, "principal");
      const role = await admission.reference(RoleSchema, next.roleId, "role_id");
      await delegation.mustHold(admission.caller, admission.tenant, compileRole(role.message).statements, []);
      const scope = formatPath({ ...admission.tenant, type: "", id: "" });
      admission.claim({ space: `principal|iam/grants/${scope}`, key: `${next.principal} ${next.roleId}` });
    },
    access: (tenant, next, prior) => access.ofBinding(tenant, next, prior),
    async admitDelete(admission, binding) {
      const role = await admission.get(RoleSchema, binding.message.roleId);
      const denials = role === undefined ? [] : compileRole(role.message).statements.filter((s) => s.deny);
      await delegation.mustHold(admission.caller, admission.tenant, [], denials);
    },
  });
}
