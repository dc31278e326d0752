// Who is deleted leaves its groups in the same transaction: nothing that names it may wait for a later namesake.
import { GroupSchema } from "@photoncloud/proto/gen/iam/v1/group_pb";
import type { Admission } from "../../kind.ts";

/** Has the writes of an org's groups, and the deletions of those who may be in them, follow one another. */
export function guardMembership(admission: Admission): void {
  admission.guard(`iam/members/${admission.tenant.org}`);
}

/** Takes a user or a service account, as "user:acme-corp/alice", out of its org's groups. */
export async function leaveGroups(admission: Admission, name: string): Promise<void> {
  guardMembership(admission);
  // As the cloud itself: who may delete a user need not hold what its groups hold.
  const own = admission.elsewhere(admission.tenant);
  for (const group of await own.list(GroupSchema))
    if (group.message.members.includes(name))
      await own.change(GroupSchema, group.id, (message) => {
        message.members = message.members.filter((member) => member !== name);
      });
}
