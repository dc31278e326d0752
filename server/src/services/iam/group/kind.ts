// Groups: users and service accounts of an org that are given roles together. A group can't be deleted while a role binding speaks of it; who is
// deleted leaves its groups in the same transaction, so that a later namesake is in none of them.
import { type Group, GroupSchema } from "@photoncloud/proto/gen/iam/v1/group_pb";
import { invalidField } from "../../../fault.ts";
import { type Admission, defineKind, type Loaded } from "../../kind.ts";
import { nameById } from "../ids.ts";
import type { PolicyWrites } from "../policy-writes.ts";
import { groupName, parsePrincipalName } from "../principal-name.ts";
import { principalSchema } from "../principals.ts";
import { claimSought, soughtOfGroup } from "../sought.ts";
import { guardMembership } from "./membership.ts";

export function groupKind({ access, delegation }: PolicyWrites) {
  return defineKind({
    schema: GroupSchema,
    uniqueName: "none",
    async admit(admission, next, prior) {
      nameById(next);
      await refuseStrangers(admission, next, prior);
      const name = groupName(admission.tenant.org, next.id);
      if (!isWithin(next, prior?.message)) await delegation.mustHoldGroup(admission.caller, name);
      if (!isWithin(prior?.message, next)) await delegation.mayLeaveGroup(admission.caller, name);
      claimSought(admission, soughtOfGroup(admission.tenant.org, next), next.id);
    },
    access: (tenant, next, prior) => access.ofGroup(tenant, next, prior),
  });
}

/** Whether all who are in one are in the other. */
function isWithin(one: Pick<Group, "members"> | undefined, other: Pick<Group, "members"> | undefined): boolean {
  const there = new Set(other?.members);
  return (one?.members ?? []).every((member) => there.has(member));
}

/** Those who are in it already are there: who is deleted leaves. */
async function refuseStrangers(admission: Admission, next: Group, prior: Loaded<typeof GroupSchema> | undefined) {
  guardMembership(admission);
  const before = new Set(prior?.message.members);
  const seen = new Set<string>();
  for (const [index, member] of next.members.entries()) {
    const path = `members[${index}]`;
    if (seen.has(member)) throw invalidField(path, "unique", `${JSON.stringify(member)} is there twice; name it once`);
    seen.add(member);
    if (!before.has(member)) await refuseStranger(admission, member, path);
  }
}

/** Members of other orgs are refused in the words for those who are not there: whether they exist is that org's own business. */
async function refuseStranger(admission: Admission, member: string, path: string): Promise<void> {
  const identity = parsePrincipalName(member);
  const own = identity !== undefined && identity.org === admission.tenant.org;
  const row = own ? await admission.get(principalSchema(identity.kind), identity.id) : undefined;
  if (row?.phase === "live") return;
  throw invalidField(
    path,
    "unknown_reference",
    `${JSON.stringify(member)} is nobody here; give a user or a service account of this org, for example "user:acme-corp/alice"`,
  );
}
