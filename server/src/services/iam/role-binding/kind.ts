// Role bindings: who has which role where. Each is one grant: the same principal, role and scope can't be bound twice, so that deleting a
// binding surely takes the grant away.
import { RoleBindingSchema } from "@photoncloud/proto/gen/iam/v1/role_binding_pb";
import { RoleSchema } from "@photoncloud/proto/gen/iam/v1/role_pb";
import { Fault, invalidField } from "../../../fault.ts";
import { formatPath } from "../../call.ts";
import { type Admission, defineKind } from "../../kind.ts";
import { nameById } from "../ids.ts";
import { compileRole } from "../policy/statements.ts";
import type { PolicyWrites } from "../policy-writes.ts";
import { parsePrincipalName } from "../principal-name.ts";
import { principalSchema } from "../principals.ts";

export function roleBindingKind({ delegation, touchGrant }: PolicyWrites) {
  return defineKind({
    schema: RoleBindingSchema,
    uniqueName: "none",
    async admit(admission, next, prior) {
      nameById(next);
      await referToPrincipal(admission, delegation, next.principal);
      const role = await admission.reference(RoleSchema, next.roleId, "role_id");
      await delegation.mustHold(admission.caller, admission.tenant, compileRole(role.message).statements, []);
      const scope = formatPath({ ...admission.tenant, type: "", id: "" });
      admission.claim({ space: `principal|iam/grants/${scope}`, key: `${next.principal} ${next.roleId}` });
      if (!admission.planning) touchGrant(keyOf(admission, next.id), (prior?.version ?? 0) + 1);
    },
    async admitDelete(admission, binding) {
      const role = await admission.get(RoleSchema, binding.message.roleId);
      const denials = role === undefined ? [] : compileRole(role.message).statements.filter((s) => s.deny);
      await delegation.mustHold(admission.caller, admission.tenant, [], denials);
      touchGrant(keyOf(admission, binding.id), "gone");
    },
  });
}

function keyOf(admission: Admission, id: string) {
  return { tenant: admission.tenant, kind: RoleBindingSchema.typeName, id };
}

/** Refuses a principal that is not there, and one of another org in the same words: whether it exists is that org's own business. */
async function referToPrincipal(admission: Admission, delegation: PolicyWrites["delegation"], name: string) {
  const principal = parsePrincipalName(name);
  const own = principal?.org === admission.tenant.org;
  const mayName = principal !== undefined && (own || (await delegation.isSystemAdmin(admission.caller)));
  const home = { org: mayName ? principal.org : admission.tenant.org, project: "" };
  try {
    // Who may not be named is looked up as nobody: so a plan that does not know the name yet passes, and everything else is refused.
    await admission.referenceIn(
      home,
      principalSchema(principal?.kind ?? "user"),
      mayName ? principal.id : "",
      "principal",
    );
  } catch (error) {
    throw error instanceof Fault && error.reason === "INVALID_FIELDS" ? unknown(name) : error;
  }
}

function unknown(name: string): Fault {
  return invalidField(
    "principal",
    "unknown_reference",
    `${JSON.stringify(name)} is nobody here; give a user or a service account of this org, for example "user:acme-corp/alice"`,
  );
}
