// Placement groups: machines that are kept together or apart. They are only words; the scheduler (vm/placement) heeds them.
import { HostSchema } from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import {
  type PlacementGroup,
  PlacementGroupSchema,
  PlacementPolicy,
  PlacementStrictness,
} from "@photoncloud/proto/gen/plasmavmc/v1/placement_group_pb";
import { Fault, invalidField } from "../../../fault.ts";
import { type Admission, defineKind } from "../../kind.ts";
import { isKept, othersOf } from "../vm/place-rules.ts";
import { groupGuard } from "../vm/placement/session.ts";
import { groupWish } from "../vm/placement/views.ts";

/** What was a wish becomes a condition only while it is fulfilled. @throws Fault WRONG_STATE */
async function checkKept(admission: Admission, group: PlacementGroup): Promise<void> {
  admission.guard(groupGuard(group.id));
  const hosts = admission.elsewhere({ org: "", project: "" });
  const all = await othersOf(admission, "", group);
  for (const { vmId, hostId } of all) {
    const host = (await hosts.get(HostSchema, hostId))?.message;
    const others = all.filter((other) => other.vmId !== vmId);
    if (host === undefined || (await isKept(hosts, host, groupWish(group, others)))) continue;
    const message = `vm ${vmId} on host ${hostId} does not keep it; move it with MigrateVm first, or leave the group a wish`;
    throw new Fault("WRONG_STATE", `placement group ${group.id} can't become a condition: ${message}`, {
      violations: [{ path: "strictness", rule: "placement", message }],
    });
  }
}

export const placementGroupKind = defineKind({
  schema: PlacementGroupSchema,
  async admit(admission, next, prior) {
    if (next.policy === PlacementPolicy.UNSPECIFIED)
      throw invalidField("policy", "required", "it is missing; say affinity or anti_affinity");
    if (next.strictness === undefined || next.strictness === PlacementStrictness.UNSPECIFIED)
      next.strictness = PlacementStrictness.REQUIRED;
    next.over ??= "host";
    const before = prior?.message.strictness ?? next.strictness;
    if (before !== next.strictness && next.strictness === PlacementStrictness.REQUIRED)
      await checkKept(admission, next);
  },
});
