// A security group is a packet filter, whole: all of its rules change at once.
import { PeeringSchema } from "@photoncloud/proto/gen/prismnet/v1/peering_pb";
import { type PeerGroup, SecurityGroupSchema } from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import type { FilterRule, NetworkObject } from "../../../backends/network/driver.ts";
import { ownerOf } from "../../driver-step.ts";
import { type NetworkPart, networkReconciler, type ObjectContext } from "../../network-part.ts";
import { isActive, peerTenant } from "../peering/sides.ts";
import { filterRuleOf } from "./rules.ts";

type Context = ObjectContext<typeof SecurityGroupSchema>;

/**
 * Whom a rule with a group over a peering allows. Only a group of the very project that the peering names, and only its ports in the peered
 * VPC: one that its owner puts somewhere else, at whatever address, opens nothing here.
 */
async function peerGroup(context: Context, { peeringId, securityGroupId }: PeerGroup): Promise<FilterRule["remote"]> {
  const peering = await context.related(PeeringSchema, peeringId);
  if (peering === undefined || !isActive(peering)) return { type: "nobody" };
  const isThere = await context.exists(peerTenant(peering), SecurityGroupSchema, securityGroupId);
  const { vpcId, peerVpcId } = peering;
  return isThere ? { type: "group", securityGroupId, over: { vpcId, peerVpcId } } : { type: "nobody" };
}

async function filterOf(context: Context): Promise<NetworkObject> {
  const { id, key, resource } = context;
  const byName = Object.entries(resource.rules).sort(([a], [b]) => (a < b ? -1 : 1));
  const findPeerGroup = (group: PeerGroup) => peerGroup(context, group);
  const rules = await Promise.all(byName.map(([name, rule]) => filterRuleOf(name, rule, findPeerGroup)));
  return { type: "filter", id, owner: ownerOf(key.tenant), rules };
}

export const securityGroupNetwork: NetworkPart<typeof SecurityGroupSchema> = {
  schema: SecurityGroupSchema,
  objects: [{ type: "filter", of: filterOf }],
};

export const securityGroupReconciler = networkReconciler(securityGroupNetwork, {
  // Two groups that name each other would wait for each other for ever; a rule allows nobody until the group that it names has ports.
  doesNotWaitFor: ["rules.remote_group_id", "rules.remote_peer_group.peering_id"],
});
