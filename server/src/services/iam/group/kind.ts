// Groups: users and service accounts of an org that are given roles together. A group can't be deleted while a role binding speaks of it; who is
// deleted leaves its groups in the same transaction, so that a later namesake is in none of them.
import { type Group, GroupSchema } from "@photoncloud/proto/gen/iam/v1/group_pb";
import { invalidField } from "../../../fault.ts";
import { type Admission, defineKind, type Loaded } from "../../kind.ts";
import { nameById } from "../ids.ts";
import type { PolicyWrites } from "../policy-writes.ts";
import { groupName, parsePrincipalName, principalName } from "../principal-name.ts";
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

/**
 * Those who are in it already are there: who is deleted leaves. Members of other orgs are refused in the words for those who are not there: whether
 * they exist is that org's own business.
 */
async function refuseStrangers(admission: Admission, next: Group, prior: Loaded<typeof GroupSchema> | undefined) {
  guardMembership(admission);
  const before = new Set(prior?.message.members);
  const there = await thoseThere(
    admission,
    next.members.filter((member) => !before.has(member)),
  );
  const seen = new Set<string>();
  for (const [index, member] of next.members.entries()) {
    const path = `members[${index}]`;
    if (seen.has(member)) throw invalidField(path, "unique", `${JSON.stringify(member)} is there twice; name it once`);
    seen.add(member);
    if (!before.has(member) && !there.has(member))
      throw invalidField(
        path,
        "unknown_reference",
        `${JSON.stringify(member)} is nobody here; give a user or a service account of this org, for example "user:acme-corp/alice"`,
      );
  }
}

/** Of some names those of principals who are there, by a reading of each kind. */
async function thoseThere(admission: Admission, names: readonly string[]): Promise<ReadonlySet<string>> {
  const { org } = admission.tenant;
  const own = names.map(parsePrincipalName).filter((identity) => identity?.org === org);
  const there = new Set<string>();
  for (const kind of ["user", "service_account"] as const) {
    const ids = own.flatMap((identity) => (identity?.kind === kind ? [identity.id] : []));
    for (const { id, phase } of await admission.some(principalSchema(kind), ids))
      if (phase === "live") there.add(principalName({ kind, org, id }));
  }
  return there;
}
