// Invitations: a person is asked into an org, with what it will be given there. The one who invites holds all of it, as if it gave it at once.
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { GroupSchema } from "@photoncloud/proto/gen/iam/v1/group_pb";
import { type Invitation, InvitationSchema } from "@photoncloud/proto/gen/iam/v1/invitation_pb";
import { ProjectSchema } from "@photoncloud/proto/gen/iam/v1/project_pb";
import { RoleSchema } from "@photoncloud/proto/gen/iam/v1/role_pb";
import { UserSchema } from "@photoncloud/proto/gen/iam/v1/user_pb";
import { Fault, invalidField } from "../../../fault.ts";
import type { Authorizer } from "../../call.ts";
import { type Admission, defineKind } from "../../kind.ts";
import { nameById } from "../ids.ts";
import { compileRole } from "../policy/statements.ts";
import type { PolicyWrites } from "../policy-writes.ts";
import { groupName, principalName } from "../principal-name.ts";
import { mayGive, scopeOf } from "./gifts.ts";
import { formatInvitation, invitationBytes, keptInvitation } from "./secret.ts";

const dayMs = 24 * 3_600_000;
const usualMs = 7 * dayMs;
const longestMs = 30 * dayMs;

export function invitationKind(writes: PolicyWrites, authorizer: Authorizer) {
  return defineKind({
    schema: InvitationSchema,
    uniqueName: "none",
    async admit(admission, next, prior) {
      nameById(next);
      if (prior !== undefined) return;
      const { org } = admission.tenant;
      next.expireTime ??= timestampFromMs(admission.now + usualMs);
      refuseTime(timestampMs(next.expireTime), admission.now);
      await refuseTaken(admission, next);
      await mayGive(authorizer, admission.caller, org, next);
      await mustHold(writes, admission, next);
      const token = formatInvitation({ org, id: next.id }, admission.random(invitationBytes));
      const { principal } = admission.caller;
      admission.keepSecret(keptInvitation(token, principal === undefined ? "" : principalName(principal)));
      admission.answerOnce({ token });
    },
  });
}

function refuseTime(at: number, now: number): void {
  if (at > now && at <= now + longestMs) return;
  throw invalidField("expire_time", "range", "give a time to come within 30 days, or none: then it is good for 7 days");
}

async function refuseTaken(admission: Admission, { userId }: Invitation): Promise<void> {
  if (userId === undefined || (await admission.get(UserSchema, userId)) === undefined) return;
  throw new Fault("ALREADY_EXISTS", `there is a user ${JSON.stringify(userId)} in the org already`);
}

/** Whoever invites holds what it gives. */
async function mustHold({ delegation }: PolicyWrites, admission: Admission, { roles, groupIds }: Invitation) {
  const { org } = admission.tenant;
  for (const [index, { roleId, projectId }] of roles.entries()) {
    if (projectId !== "") await known(admission.get(ProjectSchema, projectId), `roles[${index}].project_id`, projectId);
    const role = await known(admission.get(RoleSchema, roleId), `roles[${index}].role_id`, roleId);
    await delegation.mustHold(admission.caller, scopeOf(org, projectId), compileRole(role.message).statements, []);
  }
  for (const [index, id] of groupIds.entries()) {
    await known(admission.get(GroupSchema, id), `group_ids[${index}]`, id);
    await delegation.mustHoldGroup(admission.caller, groupName(org, id));
  }
}

/** @throws Fault INVALID_FIELDS where there is none, or it is being deleted. */
async function known<T extends { readonly phase: string }>(found: Promise<T | undefined>, path: string, id: string) {
  const one = await found;
  if (one?.phase === "live") return one;
  throw invalidField(path, "unknown_reference", `there is no ${JSON.stringify(id)} in the org`);
}
