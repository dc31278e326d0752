// What an invitation gives, and whether the one who invites may give it: asked when it is made, and again when it is accepted.
import type { Invitation } from "@photoncloud/proto/gen/iam/v1/invitation_pb";
import { Fault } from "../../../fault.ts";
import type { Tenant } from "../../../store/store.ts";
import { type Authorizer, formatPath, mayAlso } from "../../call.ts";
import type { Caller } from "../../kind.ts";

/** The scope of one of its roles. */
export function scopeOf(org: string, projectId: string): Tenant {
  return { org, project: projectId };
}

/** The permissions that making a user, its bindings and its memberships by hand would take. */
export async function mayGive(authorizer: Authorizer, caller: Caller, org: string, invitation: Invitation) {
  const scopes = invitation.roles.map(({ projectId }) => scopeOf(org, projectId));
  await must(authorizer, caller, "iam:users:create", { org, project: "" }, "user");
  for (const scope of scopes) await must(authorizer, caller, "iam:role_bindings:create", scope, "role_binding");
  if (invitation.groupIds.length > 0)
    await must(authorizer, caller, "iam:groups:update", { org, project: "" }, "group");
}

/** @throws Fault PERMISSION_DENIED */
async function must(authorizer: Authorizer, caller: Caller, permission: string, scope: Tenant, type: string) {
  if (caller.principal === undefined) return;
  const path = { ...scope, type, id: "" };
  if (await mayAlso(authorizer, caller, permission, path)) return;
  throw new Fault(
    "PERMISSION_DENIED",
    `an invitation gives what ${permission} does at ${formatPath(path)}, which you do not have`,
    {
      permission,
    },
  );
}
