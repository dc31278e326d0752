// A VPC is a router: one isolation domain; joined to an external network it has a gateway.
import { ExternalNetworkSchema } from "@photoncloud/proto/gen/prismnet/v1/external_network_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import type { NetworkObject } from "../../../backends/network/driver.ts";
import { StepError } from "../../../engine/reconciler.ts";
import { ownerOf } from "../../driver-step.ts";
import { type NetworkPart, networkReconciler, type ObjectContext } from "../../network-part.ts";
import { ownMac } from "../subnet/own-addresses.ts";

type Context = ObjectContext<typeof VpcSchema>;

function routerOf({ id, key, resource: { cidr, ipv6Cidr } }: Context): NetworkObject {
  const cidrs = ipv6Cidr === undefined ? [cidr] : [cidr, ipv6Cidr];
  return { type: "router", id, owner: ownerOf(key.tenant), cidrs };
}

async function gatewayOf({ id, key, resource, related }: Context): Promise<NetworkObject | undefined> {
  const { externalNetworkId, egressAddress, cidr } = resource;
  if (externalNetworkId === undefined || egressAddress === "") return undefined;
  const network = await related(ExternalNetworkSchema, externalNetworkId);
  if (network === undefined)
    throw new StepError("ExternalNetworkGone", `external network ${externalNetworkId} does not exist any more`);
  const length = network.cidr.split("/")[1] ?? "";
  return {
    type: "gateway",
    id,
    owner: ownerOf(key.tenant),
    externalNetworkId,
    // Made from the address, so that it is unique on the wire as the address is.
    macAddress: ownMac(egressAddress),
    address: `${egressAddress}/${length}`,
    nextHop: network.gateway ?? "",
    cidrs: [cidr],
  };
}

export const vpcNetwork: NetworkPart<typeof VpcSchema> = {
  schema: VpcSchema,
  objects: [
    { type: "router", of: routerOf },
    { type: "gateway", of: gatewayOf },
  ],
};

export const vpcReconciler = networkReconciler(vpcNetwork);
