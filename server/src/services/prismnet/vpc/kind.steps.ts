// A VPC is a router: one isolation domain; joined to an external network it has a gateway.
import { type ExternalNetwork, ExternalNetworkSchema } from "@photoncloud/proto/gen/prismnet/v1/external_network_pb";
import { type Vpc, VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import type { NetworkObject } from "../../../backends/network/driver.ts";
import { StepError } from "../../../engine/reconciler.ts";
import { ownerOf } from "../../driver-step.ts";
import { type NetworkPart, networkReconciler, type ObjectContext } from "../../network-part.ts";
import { ownMac } from "../subnet/own-addresses.ts";

type Context = ObjectContext<typeof VpcSchema>;

function cidrsOf({ cidr, ipv6Cidr }: Vpc): readonly string[] {
  return ipv6Cidr === undefined ? [cidr] : [cidr, ipv6Cidr];
}

function routerOf({ id, key, resource }: Context): NetworkObject {
  return { type: "router", id, owner: ownerOf(key.tenant), cidrs: cidrsOf(resource) };
}

async function gatewayOf({ id, key, resource, related }: Context): Promise<NetworkObject | undefined> {
  const { externalNetworkId, egressAddress } = resource;
  if (externalNetworkId === undefined || egressAddress === "") return undefined;
  const network = await related(ExternalNetworkSchema, externalNetworkId);
  if (network === undefined)
    throw new StepError("ExternalNetworkGone", `external network ${externalNetworkId} does not exist any more`);
  return {
    type: "gateway",
    id,
    owner: ownerOf(key.tenant),
    externalNetworkId,
    // Made from the address, so that it is unique on the wire as the address is.
    macAddress: ownMac(egressAddress),
    address: within(egressAddress, network.cidr),
    nextHop: network.gateway ?? "",
    ...ipv6Of(resource, network),
    cidrs: cidrsOf(resource),
  };
}

function ipv6Of({ egressIpv6Address }: Vpc, { ipv6Cidr, ipv6Gateway = "" }: ExternalNetwork) {
  if (egressIpv6Address === "" || ipv6Cidr === undefined) return {};
  return { ipv6: { address: within(egressIpv6Address, ipv6Cidr), nextHop: ipv6Gateway } };
}

/** An address with its network's prefix length. */
function within(address: string, cidr: string): string {
  return `${address}/${cidr.split("/")[1] ?? ""}`;
}

export const vpcNetwork: NetworkPart<typeof VpcSchema> = {
  schema: VpcSchema,
  objects: [
    { type: "router", of: routerOf },
    { type: "gateway", of: gatewayOf },
  ],
};

export const vpcReconciler = networkReconciler(vpcNetwork);
