// A peering is its side of a link between two routers, while both sides are there.
import { PeeringSchema } from "@photoncloud/proto/gen/prismnet/v1/peering_pb";
import type { NetworkObject } from "../../../backends/network/driver.ts";
import { ownerOf } from "../../driver-step.ts";
import { type NetworkPart, networkReconciler, type ObjectContext } from "../../network-part.ts";
import { otherEnd } from "./links.ts";
import { isActive, peerTenant } from "./sides.ts";

function linkOf({ id, key, resource }: ObjectContext<typeof PeeringSchema>): NetworkObject | undefined {
  if (!isActive(resource)) return undefined;
  const { vpcId, peerVpcId, linkAddress, peerCidrs } = resource;
  const ends = { linkAddress, peerLinkAddress: otherEnd(linkAddress) };
  const peer = { peerVpcId, peerOwner: ownerOf(peerTenant(resource)), peerCidrs: [...peerCidrs] };
  return { type: "peering", id, owner: ownerOf(key.tenant), vpcId, ...peer, ...ends };
}

export const peeringNetwork: NetworkPart<typeof PeeringSchema> = {
  schema: PeeringSchema,
  objects: [{ type: "peering", of: linkOf }],
};

export const peeringReconciler = networkReconciler(peeringNetwork);
