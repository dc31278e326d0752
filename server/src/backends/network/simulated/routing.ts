// Where a VPC's router sends a packet: the most specific network wins; of equal ones a subnet's, then a peer's, then a route's, then the way out.
import { type IpNetwork, includes, parseIp, parseNetwork } from "../../../ip.ts";
import type { GatewaySpec, PeeringSpec, RouteSpec } from "../driver.ts";
import { allOf, type Objects, objectOf } from "./objects.ts";

/** Where it goes next. */
export type Way =
  | { readonly type: "subnet"; readonly subnetId: string }
  | { readonly type: "peering"; readonly peering: PeeringSpec }
  | { readonly type: "route"; readonly route: RouteSpec }
  | { readonly type: "gateway"; readonly gateway: GatewaySpec };

interface Entry {
  readonly network: IpNetwork;
  readonly way: Way;
}

/** Undefined: the router has no route there. */
export function wayOf(objects: Objects, vpcId: string, ip: string): Way | undefined {
  const address = parseIp(ip);
  if (address === undefined) return undefined;
  const fitting = entriesOf(objects, vpcId).filter(({ network }) => includes(network, address));
  const [first, ...others] = fitting;
  // Of equal networks the first in the table stays.
  const best = others.reduce((a, b) => (b.network.prefixLength > (a?.network.prefixLength ?? 0) ? b : a), first);
  return best?.way;
}

function entriesOf(objects: Objects, vpcId: string): readonly Entry[] {
  const gateway = objectOf(objects, "gateway", vpcId);
  const ofVpc = <T extends { readonly vpcId: string }>(all: readonly T[]) => all.filter((one) => one.vpcId === vpcId);
  return [
    ...ofVpc(allOf(objects, "router-port")).flatMap(({ id, addresses }) =>
      entries(addresses, { type: "subnet", subnetId: id }),
    ),
    ...(gateway === undefined ? [] : entries(addressesOf(gateway), { type: "gateway", gateway })),
    ...ofVpc(allOf(objects, "peering")).flatMap((peering) => entries(peering.peerCidrs, { type: "peering", peering })),
    ...ofVpc(allOf(objects, "route")).flatMap((route) => entries([route.destination], { type: "route", route })),
    ...(gateway === undefined ? [] : entries(everywhere(gateway), { type: "gateway", gateway })),
  ];
}

/** A gateway's addresses, with their prefix lengths. */
export function addressesOf({ address, ipv6 }: GatewaySpec): readonly string[] {
  return ipv6 === undefined ? [address] : [address, ipv6.address];
}

function everywhere({ ipv6 }: GatewaySpec): readonly string[] {
  return ipv6 === undefined ? ["0.0.0.0/0"] : ["0.0.0.0/0", "::/0"];
}

function entries(cidrs: readonly string[], way: Way): Entry[] {
  return cidrs.flatMap((cidr) => {
    const network = parseNetwork(cidr);
    return network === undefined ? [] : [{ network, way }];
  });
}

/** The other side of a peering, if it is there: only then packets pass. */
export function otherSideOf(objects: Objects, { vpcId, peerVpcId }: PeeringSpec): PeeringSpec | undefined {
  return allOf(objects, "peering").find((one) => one.vpcId === peerVpcId && one.peerVpcId === vpcId);
}

/** Whether an address is in one of some networks. */
export function isIn(cidrs: readonly string[], ip: string): boolean {
  const address = parseIp(ip);
  if (address === undefined) return false;
  return cidrs.map(parseNetwork).some((network) => network !== undefined && includes(network, address));
}

/** An address without its prefix length. */
export function bare(address: string): string {
  return address.split("/")[0] ?? "";
}
