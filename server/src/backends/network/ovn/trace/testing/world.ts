// The network of which the recorded traces speak: two VPCs that are peered, one of another tenant with the same addresses, a way out.
import type { FilterRule, NetworkObject, NetworkObjectId, PortSpec } from "../../../driver.ts";
import { compile } from "../../mapping/index.ts";
import type { View, WantedRow } from "../../mapping/row.ts";
import { markOf } from "../../marks.ts";
import type { Known } from "../known.ts";

const [acme, rival] = ["acme/alpha", "rival/alpha"];

function rule(
  name: string,
  direction: FilterRule["direction"],
  protocol: FilterRule["protocol"],
  more: Partial<FilterRule> = {},
): FilterRule {
  return { name, direction, protocol, remote: { type: "any" }, ...more };
}

const filters: readonly NetworkObject[] = [
  {
    type: "filter",
    id: "sg-web",
    owner: acme,
    rules: [
      rule("web", "ingress", "tcp", { ports: { first: 80, last: 81 } }),
      rule("ping", "ingress", "icmp", { remote: { type: "cidr", cidr: "10.0.1.0/24" } }),
      rule("peers", "ingress", "udp", { remote: { type: "group", securityGroupId: "sg-app" } }),
    ],
  },
  {
    type: "filter",
    id: "sg-app",
    owner: acme,
    rules: [rule("out-web", "egress", "tcp", { ports: { first: 80, last: 80 } }), rule("out-udp", "egress", "udp")],
  },
  { type: "filter", id: "sg-open", owner: acme, rules: [rule("all", "ingress", "any")] },
];

function subnet(
  n: number,
  vpcId: string,
  owner: string,
  net: string,
  ipv6: readonly string[] = [],
): readonly NetworkObject[] {
  const id = `subnet-${n}`;
  const macAddress = `0a:00:0a:00:0${n}:01`;
  const common = { id, vpcId, owner };
  return [
    { type: "switch", ...common, cidrs: [`${net}.0/24`] },
    { type: "router-port", ...common, macAddress, addresses: [`${net}.1/24`, ...ipv6], mtu: 1442 },
    { type: "service-port", ...common, macAddress: `0a:00:0a:00:0${n}:fe`, addresses: [`${net}.254/24`] },
  ];
}

function port(name: string, n: number, ipAddresses: readonly string[], more: Partial<PortSpec> = {}): PortSpec {
  return {
    type: "port",
    id: `port-${name}`,
    subnetId: "subnet-1",
    vpcId: "vpc-1",
    owner: acme,
    hostname: name,
    macAddress: `fa:16:3e:00:00:0${n}`,
    ipAddresses,
    securityGroupIds: [],
    forwarding: false,
    bandwidth: {},
    ...more,
  };
}

function peering(
  id: string,
  [vpcId, own]: readonly [string, number],
  [peerVpcId, peer]: readonly [string, number],
  cidr: string,
): NetworkObject {
  const [linkAddress, peerLinkAddress] = [`169.254.0.${own}/30`, `169.254.0.${peer}`];
  return {
    type: "peering",
    id,
    owner: acme,
    peerOwner: acme,
    vpcId,
    peerVpcId,
    linkAddress,
    peerLinkAddress,
    peerCidrs: [cidr],
  };
}

/** In the order in which they stand on each other. */
export const objects: readonly NetworkObject[] = [
  { type: "external-network", id: "extnet-1", owner: "", cidr: "203.0.113.0/24", physicalNetwork: "external" },
  { type: "router", id: "vpc-1", owner: acme, cidrs: ["10.0.0.0/16"] },
  { type: "router", id: "vpc-2", owner: rival, cidrs: ["10.0.0.0/16"] },
  { type: "router", id: "vpc-3", owner: acme, cidrs: ["10.3.0.0/16"] },
  ...filters,
  ...subnet(1, "vpc-1", acme, "10.0.1", ["fd00:0:0:1::1/64"]),
  ...subnet(2, "vpc-1", acme, "10.0.2"),
  ...subnet(3, "vpc-3", acme, "10.3.1"),
  ...subnet(9, "vpc-2", rival, "10.0.1"),
  port("a", 1, ["10.0.1.10", "fd00:0:0:1::10"]),
  port("b", 2, ["10.0.1.11", "fd00:0:0:1::11"], { securityGroupIds: ["sg-web"] }),
  port("c", 3, ["10.0.2.10"], { subnetId: "subnet-2", securityGroupIds: ["sg-web"] }),
  port("d", 4, ["10.0.2.11"], { subnetId: "subnet-2", securityGroupIds: ["sg-app"] }),
  port("e", 5, ["10.3.1.10"], { subnetId: "subnet-3", vpcId: "vpc-3", securityGroupIds: ["sg-open"] }),
  port("z", 6, ["10.0.1.12"], { subnetId: "subnet-9", vpcId: "vpc-2", owner: rival }),
  {
    type: "gateway",
    id: "vpc-1",
    owner: acme,
    externalNetworkId: "extnet-1",
    macAddress: "0a:00:cb:00:71:0a",
    address: "203.0.113.10/24",
    nextHop: "203.0.113.1",
    cidrs: ["10.0.0.0/16"],
  },
  {
    type: "elastic-ip",
    id: "eip-1",
    owner: acme,
    vpcId: "vpc-1",
    address: "203.0.113.50",
    portId: "port-c",
    portAddress: "10.0.2.10",
  },
  {
    type: "route",
    id: "route-drop",
    owner: acme,
    vpcId: "vpc-1",
    destination: "192.0.2.0/24",
    target: { type: "drop" },
  },
  {
    type: "route",
    id: "route-guest",
    owner: acme,
    vpcId: "vpc-1",
    destination: "172.16.0.0/16",
    target: { type: "address", address: "10.0.2.10", portId: "port-c", subnetId: "subnet-2" },
  },
  peering("peering-1", ["vpc-1", 1], ["vpc-3", 2], "10.3.0.0/16"),
  peering("peering-3", ["vpc-3", 2], ["vpc-1", 1], "10.0.0.0/16"),
];

/** What the Northbound would hold of these objects. */
export function knownOf(wanted: readonly NetworkObject[]): Known {
  const rows = new Map<string, WantedRow>();
  const rowsWith: View["rowsWith"] = (table, key, value) =>
    [...rows.values()]
      .filter(
        ({ table: of, columns: { external_ids: ids } }) => of === table && ids instanceof Map && ids.get(key) === value,
      )
      .map(({ uuid, columns }) => ({ uuid, row: columns }));
  const has = (object: NetworkObjectId) =>
    [...rows.values()].some(({ columns }) => markOf(columns)?.key === `${object.type}/${object.id}`);
  const row = (uuid: string) => {
    const found = rows.get(uuid);
    return found && { row: found.columns };
  };
  for (const object of wanted)
    for (const made of compile(object, { rowsWith, row, has, hasColumn: () => true }).rows)
      if (made.placeholder !== true || !rows.has(made.uuid)) rows.set(made.uuid, made);
  return {
    rowsWith,
    row,
  };
}
