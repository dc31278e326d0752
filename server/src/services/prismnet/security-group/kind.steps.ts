// A security group is a packet filter, whole: all of its rules change at once.
import { type SecurityGroup, SecurityGroupSchema } from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import type { FilterRule } from "../../../backends/network/driver.ts";
import { ownerOf } from "../../driver-step.ts";
import { type NetworkPart, networkReconciler } from "../../network-part.ts";
import { filterRuleOf } from "./rules.ts";

function rulesOf({ rules }: SecurityGroup): FilterRule[] {
  const byName = Object.entries(rules).sort(([a], [b]) => (a < b ? -1 : 1));
  return byName.map(([name, rule]) => filterRuleOf(name, rule));
}

export const securityGroupNetwork: NetworkPart<typeof SecurityGroupSchema> = {
  schema: SecurityGroupSchema,
  objects: [
    {
      type: "filter",
      of: ({ id, key, resource }) => ({ type: "filter", id, owner: ownerOf(key.tenant), rules: rulesOf(resource) }),
    },
  ],
};

export const securityGroupReconciler = networkReconciler(securityGroupNetwork, {
  // Two groups that name each other would wait for each other for ever; a rule allows nobody until the group that it names has ports.
  doesNotWaitFor: ["rules.remote_group_id", "rules.remote_peer_group.peering_id"],
});
