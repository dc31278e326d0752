// One network object of each type, and a view of what is there: for tests of the mapping.
import type { NetworkObject } from "../../../driver.ts";
import { keyOf } from "../../../topology.ts";
import type { Row } from "../../ovsdb/database.ts";
import { compile } from "../index.ts";
import type { Table, View, WantedRow } from "../row.ts";

const owner = "acme/alpha";
const vpc = { vpcId: "vpc-1", owner } as const;
const subnet = { ...vpc, id: "subnet-1" } as const;

/** In the order in which they stand on each other. */
export const samples = [
  { type: "router", id: "vpc-1", owner, cidrs: ["10.0.0.0/16", "fd00:10::/48"] },
  { type: "switch", ...subnet, cidrs: ["10.0.1.0/24", "fd00:10:0:1::/64"] },
  {
    type: "router-port",
    ...subnet,
    macAddress: "0a:00:0a:00:01:01",
    addresses: ["10.0.1.1/24", "fd00:10:0:1::1/64"],
    mtu: 1442,
    names: { dnsServer: "fd00:10:0:1::2", domain: "alpha.acme.cloud.internal" },
  },
  {
    type: "dhcp",
    ...subnet,
    cidr: "10.0.1.0/24",
    gateway: "10.0.1.1",
    ipv6Cidr: "fd00:10:0:1::/64",
    macAddress: "0a:00:0a:00:01:01",
    dnsServers: ["10.0.1.254", "192.0.2.53", "fd00:10:0:1::2"],
    serviceAddress: "10.0.1.254",
    domain: "alpha.acme.cloud.internal",
    mtu: 1442,
  },
  {
    type: "service-port",
    ...subnet,
    macAddress: "0a:00:0a:00:01:fe",
    addresses: ["10.0.1.254/24", "fd00:10:0:1:ffff:ffff:ffff:fffe/64"],
  },
  { type: "addresses", id: "ag-1", owner, cidrs: ["192.0.2.0/24", "2001:db8::/32"] },
  {
    type: "filter",
    id: "sg-1",
    owner,
    rules: [
      { name: "web", direction: "ingress", protocol: "tcp", ports: { first: 80, last: 81 }, remote: { type: "any" } },
      { name: "ping", direction: "ingress", protocol: "icmp", remote: { type: "cidr", cidr: "10.0.0.0/8" } },
      {
        name: "peers",
        direction: "ingress",
        protocol: "any",
        remote: { type: "group", securityGroupId: "sg-2" },
      },
      {
        name: "offices",
        direction: "egress",
        protocol: "udp",
        ports: { first: 53, last: 53 },
        remote: { type: "addresses", addressGroupId: "ag-1" },
      },
      {
        name: "over there",
        direction: "ingress",
        protocol: "any",
        remote: { type: "group", securityGroupId: "sg-2", over: { vpcId: "vpc-1", peerVpcId: "vpc-2" } },
      },
      { name: "later", direction: "ingress", protocol: "any", remote: { type: "nobody" } },
    ],
  },
  { type: "filter", id: "sg-3", owner, rules: [] },
  {
    type: "port",
    id: "port-1",
    subnetId: "subnet-1",
    ...vpc,
    macAddress: "fa:16:3e:00:00:01",
    ipAddresses: ["10.0.1.10", "fd00:10:0:1::10"],
    securityGroupIds: ["sg-1", "sg-3"],
    hostname: "web-1",
    forwarding: false,
    bandwidth: { ingressKbps: 20_000, egressKbps: 999 },
  },
  {
    type: "port",
    id: "port-2",
    subnetId: "subnet-1",
    ...vpc,
    macAddress: "fa:16:3e:00:00:02",
    ipAddresses: ["10.0.1.11"],
    securityGroupIds: [],
    hostname: "",
    forwarding: true,
    bandwidth: {},
  },
  { type: "external-network", id: "net-1", owner: "", cidr: "203.0.113.0/24", physicalNetwork: "public", vlanId: 100 },
  {
    type: "gateway",
    id: "vpc-1",
    owner,
    externalNetworkId: "net-1",
    macAddress: "fa:16:3e:00:01:01",
    address: "203.0.113.10/24",
    nextHop: "203.0.113.1",
    ipv6: { address: "2001:db8:113::10/64", nextHop: "2001:db8:113::1" },
    cidrs: ["10.0.0.0/16", "fd00:10::/48"],
  },
  {
    type: "elastic-ip",
    id: "eip-1",
    ...vpc,
    address: "203.0.113.50",
    portId: "port-1",
    portAddress: "10.0.1.10",
  },
  {
    type: "elastic-ip",
    id: "eip-2",
    ...vpc,
    address: "2001:db8:113::50",
    portId: "port-1",
    portAddress: "fd00:10:0:1::10",
  },
  {
    type: "route",
    id: "route-1",
    ...vpc,
    destination: "172.16.0.0/12",
    target: { type: "address", address: "10.0.1.11", portId: "port-2", subnetId: "subnet-1" },
  },
  { type: "route", id: "route-2", ...vpc, destination: "0.0.0.0/0", target: { type: "gateway" } },
  { type: "route", id: "route-4", ...vpc, destination: "2001:db8:9::/48", target: { type: "gateway" } },
  { type: "route", id: "route-3", ...vpc, destination: "2001:db8::/32", target: { type: "drop" } },
  {
    type: "peering",
    id: "peering-1",
    ...vpc,
    peerVpcId: "vpc-2",
    peerOwner: "rival/alpha",
    linkAddress: "169.254.0.1/30",
    peerLinkAddress: "169.254.0.2",
    peerCidrs: ["10.1.0.0/16", "fd00:11::/48"],
  },
  { type: "flow-log", id: "flowlog-1", ...vpc, verdicts: "dropped" },
] as const satisfies readonly NetworkObject[];

/** What is there when some objects have been written, one after the other. */
export class SampleView implements View {
  readonly rows = new Map<string, { readonly table: Table; readonly row: Row }>();
  readonly #objects = new Set<string>();

  constructor(objects: readonly NetworkObject[] = []) {
    for (const object of objects) this.write(object);
  }

  /** Writes an object, and answers its rows. */
  write(object: NetworkObject): readonly WantedRow[] {
    const { rows, patches } = compile(object, this);
    for (const { table, uuid, columns, placeholder } of rows)
      if (placeholder === undefined || !this.rows.has(uuid)) this.rows.set(uuid, { table, row: columns });
    for (const { table, uuid, columns } of patches)
      this.rows.set(uuid, { table, row: { ...this.rows.get(uuid)?.row, ...columns } });
    this.#objects.add(keyOf(object));
    return rows;
  }

  has(object: { readonly type: NetworkObject["type"]; readonly id: string }): boolean {
    return this.#objects.has(keyOf(object));
  }

  rowsWith(table: Table, key: string, value: string) {
    return [...this.rows].flatMap(([uuid, held]) => {
      const ids = held.row.external_ids;
      return held.table === table && ids instanceof Map && ids.get(key) === value ? [{ uuid, row: held.row }] : [];
    });
  }

  row(uuid: string) {
    return this.rows.get(uuid);
  }

  hasColumn(): boolean {
    return true;
  }
}
