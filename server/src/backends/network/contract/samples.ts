// Objects to try network drivers with.
import type { ExternalNetworkSpec, FilterRule, GatewaySpec, NetworkObject, PeeringSpec } from "../driver.ts";

export const owner = "acme/alpha";

/** The objects of one VPC with two subnets, a port in each; `tag` keeps the ids of several apart. Its network is 10.{octet}.0.0/16. */
export function sampleNetwork(tag: string, rules: readonly FilterRule[] = [], octet = 0) {
  const vpcId = `vpc-${tag}`;
  const filter = { type: "filter", id: `sg-${tag}`, owner, rules } as const;
  const router = { type: "router", id: vpcId, owner, cidrs: [`10.${octet}.0.0/16`] } as const;
  const subnet = (n: number) => {
    const of = { id: `subnet-${tag}-${n}`, vpcId, owner };
    const net = `10.${octet}.${n}`;
    return [
      { type: "switch", ...of, cidrs: [`${net}.0/24`] },
      { type: "router-port", ...of, mtu: 1442, macAddress: gatewayMac(octet, n), addresses: [`${net}.1/24`] },
      dhcp(of, net, gatewayMac(octet, n)),
      { type: "service-port", ...of, macAddress: serviceMac(octet, n), addresses: [`${net}.254/24`] },
    ] as const;
  };
  const port = (n: number) =>
    ({
      type: "port",
      id: `port-${tag}-${n}`,
      subnetId: `subnet-${tag}-${n}`,
      vpcId,
      owner,
      macAddress: `fa:16:3e:00:${hex(octet)}:0${n}`,
      ipAddresses: [`10.${octet}.${n}.10`],
      securityGroupIds: [filter.id],
      hostname: `vm-${n}`,
      forwarding: false,
      bandwidth: {},
    }) as const;
  return { router, filter, ports: [port(1), port(2)] as const, subnets: [subnet(1), subnet(2)] as const };
}

/** An external network, and the gateway by which a sample's VPC is joined to it; `n` is its own among those that share a wire. */
export function sampleOutside(tag: string, n = 10): readonly [ExternalNetworkSpec, GatewaySpec] {
  const id = `external-${tag}`;
  return [
    { type: "external-network", id, owner: "", cidr: "203.0.113.0/24", physicalNetwork: "external" },
    {
      type: "gateway",
      id: `vpc-${tag}`,
      owner,
      externalNetworkId: id,
      macAddress: `0a:00:cb:00:71:${hex(n)}`,
      address: `203.0.113.${n}/24`,
      nextHop: "203.0.113.1",
      cidrs: ["10.0.0.0/16"],
    },
  ];
}

const hex = (n: number) => n.toString(16).padStart(2, "0");

const gatewayMac = (octet: number, n: number) => `0a:00:0a:${hex(octet)}:0${n}:01`;
const serviceMac = (octet: number, n: number) => `0a:00:0a:${hex(octet)}:0${n}:fe`;

function dhcp(of: { readonly id: string; readonly vpcId: string; readonly owner: string }, net: string, mac: string) {
  return {
    type: "dhcp",
    ...of,
    cidr: `${net}.0/24`,
    gateway: `${net}.1`,
    macAddress: mac,
    dnsServers: [`${net}.254`],
    serviceAddress: `${net}.254`,
    domain: "alpha.acme.cloud.internal",
    mtu: 1442,
  } as const;
}

/** In the order in which they stand on each other. */
export function inOrder(sample: ReturnType<typeof sampleNetwork>): readonly NetworkObject[] {
  return [sample.router, sample.filter, ...sample.subnets.flat(), ...sample.ports];
}

type Sample = ReturnType<typeof sampleNetwork>;

/** The same network with IPv6 beside: fd00:10:{octet}::/48, in the first subnet fd00:10:{octet}:1::/64. */
export function withIpv6(sample: Sample, octet = 0): readonly NetworkObject[] {
  return inOrder(sample).map((object) => {
    const block = `fd00:10:${octet}:${object.id.at(-1)}`;
    switch (object.type) {
      case "router":
        return { ...object, cidrs: [...object.cidrs, `fd00:10:${octet}::/48`] };
      case "switch":
        return { ...object, cidrs: [...object.cidrs, `${block}::/64`] };
      case "router-port":
        return { ...object, addresses: [...object.addresses, `${block}::1/64`] };
      case "dhcp":
        return { ...object, ipv6Cidr: `${block}::/64` };
      case "port":
        return { ...object, ipAddresses: [...object.ipAddresses, `${block}::10`] };
      default:
        return object;
    }
  });
}

/** Both sides of a link between the VPCs of two samples, whose networks are 10.{octet}.0.0/16. */
export function samplePeering(
  [one, oneOctet]: readonly [Sample, number],
  [other, otherOctet]: readonly [Sample, number],
): readonly [PeeringSpec, PeeringSpec] {
  const side = (own: Sample, peer: Sample, octet: number, link: readonly [string, string]): PeeringSpec => ({
    type: "peering",
    id: `peering-${own.router.id}`,
    owner,
    vpcId: own.router.id,
    peerVpcId: peer.router.id,
    peerOwner: owner,
    linkAddress: `${link[0]}/30`,
    peerLinkAddress: link[1],
    peerCidrs: [`10.${octet}.0.0/16`],
  });
  const [low, high] = ["169.254.0.1", "169.254.0.2"];
  return [side(one, other, otherOctet, [low, high]), side(other, one, oneOctet, [high, low])];
}
