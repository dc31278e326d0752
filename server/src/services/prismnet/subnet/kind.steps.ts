// A subnet is a switch, joined to its VPC's router, with DHCP for its guests and a place where the cloud's own services answer.
import { type Subnet, SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import type { NetworkObject } from "../../../backends/network/driver.ts";
import { ownerOf } from "../../driver-step.ts";
import { type NetworkPart, networkReconciler, type ObjectContext } from "../../network-part.ts";
import { ipv6ServiceAddressOf, ownMac, usualMtu } from "./own-addresses.ts";

type Context = ObjectContext<typeof SubnetSchema>;

/** What all of a subnet's objects say. */
function commonOf({ id, key, resource }: Context) {
  return { id, vpcId: resource.vpcId, owner: ownerOf(key.tenant) };
}

/** An address of each family with the length of its network: "10.0.1.1/24". */
function withLengths({ cidr = "", ipv6Cidr }: Subnet, address: string, ipv6Address: string): string[] {
  const length = (network: string) => network.split("/")[1] ?? "";
  return [`${address}/${length(cidr)}`, ...(ipv6Cidr === undefined ? [] : [`${ipv6Address}/${length(ipv6Cidr)}`])];
}

function switchOf(context: Context): NetworkObject {
  const { cidr = "", ipv6Cidr } = context.resource;
  return { type: "switch", ...commonOf(context), cidrs: ipv6Cidr === undefined ? [cidr] : [cidr, ipv6Cidr] };
}

function routerPortOf(context: Context): NetworkObject {
  const { gateway = "", ipv6Gateway, mtu = usualMtu, dhcpEnabled } = context.resource;
  const addresses = withLengths(context.resource, gateway, ipv6Gateway);
  const port = { type: "router-port", ...commonOf(context), macAddress: ownMac(gateway), addresses, mtu } as const;
  const dnsServer = dnsServersOf(context.resource).find((address) => address.includes(":"));
  if (dhcpEnabled === false || dnsServer === undefined) return port;
  return { ...port, names: { dnsServer, domain: domainOf(context) } };
}

/** Whom guests are told to ask for names. */
function dnsServersOf({ dnsServers, serviceAddress, ipv6Cidr }: Subnet): readonly string[] {
  if (dnsServers.length > 0) return dnsServers;
  return ipv6Cidr === undefined ? [serviceAddress] : [serviceAddress, ipv6ServiceAddressOf(ipv6Cidr)];
}

/** The domain of a subnet's guests, which they search. */
function domainOf({ key: { tenant } }: Context): string {
  return `${tenant.project}.${tenant.org}.cloud.internal`;
}

function servicePortOf(context: Context): NetworkObject {
  const { serviceAddress, ipv6Cidr } = context.resource;
  const ipv6Address = ipv6Cidr === undefined ? "" : ipv6ServiceAddressOf(ipv6Cidr);
  const addresses = withLengths(context.resource, serviceAddress, ipv6Address);
  return { type: "service-port", ...commonOf(context), macAddress: ownMac(serviceAddress), addresses };
}

function dhcpOf(context: Context): NetworkObject | undefined {
  const { cidr = "", gateway = "", serviceAddress, mtu = usualMtu, dhcpEnabled, ipv6Cidr } = context.resource;
  if (dhcpEnabled === false) return undefined;
  return {
    type: "dhcp",
    ...commonOf(context),
    cidr,
    gateway,
    ...(ipv6Cidr !== undefined && { ipv6Cidr }),
    macAddress: ownMac(gateway),
    dnsServers: dnsServersOf(context.resource),
    serviceAddress,
    domain: domainOf(context),
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
