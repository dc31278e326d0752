// A subnet is a switch, joined to its VPC's router, with DHCP for its guests and a place where the cloud's own services answer.
import { type Subnet, SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import type { NetworkObject } from "../../../backends/network/driver.ts";
import { parseIp } from "../../../ip.ts";
import { ownerOf } from "../../driver-step.ts";
import { type NetworkPart, networkReconciler, type ObjectContext } from "../../network-part.ts";

type Context = ObjectContext<typeof SubnetSchema>;

/** What Geneve over IPv4 leaves of the usual 1500 bytes. */
const usualMtu = 1442;

/**
 * The gateway's MAC: locally administered (the second digit, IEEE 802) and made from its address, so that it is unique in its VPC, where
 * addresses are. The ports' own begin with fa:16:3e.
 */
export function gatewayMac(gateway: string): string {
  const value = parseIp(gateway)?.value ?? 0n;
  const bytes = [24n, 16n, 8n, 0n].map((shift) =>
    Number((value >> shift) & 255n)
      .toString(16)
      .padStart(2, "0"),
  );
  return ["0a", "00", ...bytes].join(":");
}

/** What all of a subnet's objects say. */
function commonOf({ id, key, resource }: Context) {
  return { id, vpcId: resource.vpcId, owner: ownerOf(key.tenant) };
}

function lengthOf({ cidr = "" }: Subnet): string {
  return cidr.split("/")[1] ?? "";
}

function switchOf(context: Context): NetworkObject {
  return { type: "switch", ...commonOf(context), cidrs: [context.resource.cidr ?? ""] };
}

function routerPortOf(context: Context): NetworkObject {
  const { gateway = "", mtu = usualMtu } = context.resource;
  const addresses = [`${gateway}/${lengthOf(context.resource)}`];
  return { type: "router-port", ...commonOf(context), macAddress: gatewayMac(gateway), addresses, mtu };
}

function servicePortOf(context: Context): NetworkObject {
  const { serviceAddress } = context.resource;
  const addresses = [`${serviceAddress}/${lengthOf(context.resource)}`];
  return { type: "service-port", ...commonOf(context), macAddress: gatewayMac(serviceAddress), addresses };
}

function dhcpOf(context: Context): NetworkObject | undefined {
  const { cidr = "", gateway = "", serviceAddress, dnsServers, mtu = usualMtu, dhcpEnabled } = context.resource;
  if (dhcpEnabled === false) return undefined;
  const { org, project } = context.key.tenant;
  return {
    type: "dhcp",
    ...commonOf(context),
    cidr,
    gateway,
    macAddress: gatewayMac(gateway),
    dnsServers: dnsServers.length === 0 ? [serviceAddress] : [...dnsServers],
    serviceAddress,
    domain: `${project}.${org}.cloud.internal`,
    mtu,
  };
}

export const subnetNetwork: NetworkPart<typeof SubnetSchema> = {
  schema: SubnetSchema,
  objects: [
    { type: "switch", of: switchOf },
    { type: "router-port", of: routerPortOf },
    { type: "service-port", of: servicePortOf },
    { type: "dhcp", of: dhcpOf },
  ],
};

export const subnetReconciler = networkReconciler(subnetNetwork);
