// What every network driver must do, as Jest tests for any of them. Call `networkContract` at the top of a test file.
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { DriverError, type DriverReason } from "../driver-error.ts";
import type {
  ExternalNetworkSpec,
  FilterRule,
  GatewaySpec,
  NetworkDriver,
  NetworkObject,
  NetworkObjectId,
  Packet,
} from "./driver.ts";

export interface NetworkContract {
  /** Names the tests: "simulated", "ovn". */
  readonly name: string;
  /** A driver on an empty backend. */
  readonly open: () => Promise<NetworkDriver>;
  /** Default: closes the driver. */
  readonly close?: (driver: NetworkDriver) => Promise<void>;
}

const owner = "acme/alpha";

/** The objects of one VPC with two subnets, a port in each; `tag` keeps the ids of several apart. */
export function sampleNetwork(tag: string, rules: readonly FilterRule[] = []) {
  const vpcId = `vpc-${tag}`;
  const filter = { type: "filter", id: `sg-${tag}`, owner, rules } as const;
  const router = { type: "router", id: vpcId, owner, cidrs: ["10.0.0.0/16"] } as const;
  const subnet = (n: number) =>
    [
      { type: "switch", id: `subnet-${tag}-${n}`, vpcId, owner, cidrs: [`10.0.${n}.0/24`] },
      {
        type: "router-port",
        id: `subnet-${tag}-${n}`,
        vpcId,
        owner,
        mtu: 1442,
        macAddress: gatewayMac(n),
        addresses: [`10.0.${n}.1/24`],
      },
      dhcp(`subnet-${tag}-${n}`, vpcId, n),
    ] as const;
  const port = (n: number) =>
    ({
      type: "port",
      id: `port-${tag}-${n}`,
      subnetId: `subnet-${tag}-${n}`,
      vpcId,
      owner,
      macAddress: `fa:16:3e:00:00:0${n}`,
      ipAddresses: [`10.0.${n}.10`],
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
      ...{ id: `vpc-${tag}`, owner, externalNetworkId: id, macAddress: `0a:00:cb:00:71:${hex(n)}` },
      ...{ address: `203.0.113.${n}/24`, nextHop: "203.0.113.1", cidrs: ["10.0.0.0/16"] },
    },
  ];
}

const hex = (n: number) => n.toString(16).padStart(2, "0");

const gatewayMac = (n: number) => `0a:00:0a:00:0${n}:01`;

function dhcp(id: string, vpcId: string, n: number) {
  return {
    type: "dhcp",
    id,
    vpcId,
    owner,
    cidr: `10.0.${n}.0/24`,
    gateway: `10.0.${n}.1`,
    macAddress: gatewayMac(n),
    dnsServers: [`10.0.${n}.254`],
    serviceAddress: `10.0.${n}.254`,
    domain: "alpha.acme.cloud.internal",
    mtu: 1442,
  } as const;
}

/** In the order in which they stand on each other. */
export function inOrder(sample: ReturnType<typeof sampleNetwork>): readonly NetworkObject[] {
  return [sample.router, sample.filter, ...sample.subnets.flat(), ...sample.ports];
}

const removalOrder: readonly NetworkObject["type"][] = ["port", "filter", "dhcp", "router-port", "switch", "router"];

const allowWeb: FilterRule = {
  name: "web",
  direction: "ingress",
  protocol: "tcp",
  ports: { first: 80, last: 81 },
  remote: { type: "any" },
};

/** Registers the tests. */
export function networkContract(contract: NetworkContract): void {
  describe(`the network driver ${contract.name}`, () => {
    let driver: NetworkDriver;
    const { signal } = new AbortController();
    const made = new Map<string, NetworkObject>();

    beforeAll(async () => {
      driver = await contract.open();
    });
    afterAll(async () => {
      const rank = ({ type }: NetworkObject) => removalOrder.indexOf(type);
      for (const object of [...made.values()].sort((a, b) => rank(a) - rank(b))) await driver.remove(object, signal);
      await (contract.close ?? ((d) => d.close()))(driver);
    });

    const ensureAll = async (objects: readonly NetworkObject[]) => {
      for (const object of objects) {
        await driver.ensure(object, signal);
        made.set(`${object.type}/${object.id}`, object);
      }
      const vpc = objects.find(({ type }) => type === "router");
      if (vpc !== undefined) await driver.programmed(vpc.id, signal);
    };
    const removeAll = async (objects: readonly NetworkObject[]) => {
      for (const object of objects.toReversed()) await driver.remove(object, signal);
    };
    const held = async (tag: string): Promise<NetworkObjectId[]> =>
      (await driver.inventory(signal)).filter(({ id }) => id.includes(`-${tag}`)).sort(byKey);
    const idsOf = (objects: readonly NetworkObject[]) => objects.map(({ type, id }) => ({ type, id })).sort(byKey);
    const reached = async (packet: Packet) => (await driver.reaches(packet, signal)).reached;
    const refused = async (work: Promise<unknown>, reason: DriverReason) => {
      const error = await work.then(
        () => undefined,
        (e: unknown) => e,
      );
      expect(error).toBeInstanceOf(DriverError);
      expect(error).toMatchObject({ reason });
    };

    test("holds what was ensured, once, however often, and nothing after its removal", async () => {
      const objects = inOrder(sampleNetwork("twice"));
      await ensureAll(objects);
      await ensureAll(objects);
      expect(await held("twice")).toEqual(idsOf(objects));
      await removeAll(objects);
      await removeAll(objects);
      expect(await held("twice")).toEqual([]);
    });

    test("refuses what stands on nothing", async () => {
      const { router, filter, subnets, ports } = sampleNetwork("base");
      const [[aSwitch, routerPort, dhcpOf]] = subnets;
      await refused(driver.ensure(aSwitch, signal), "missing");
      await refused(driver.ensure(routerPort, signal), "missing");
      await refused(driver.ensure(dhcpOf, signal), "missing");
      await ensureAll([router, aSwitch]);
      await refused(driver.ensure(ports[0], signal), "missing");
      await ensureAll([filter, ports[0]]);
    });

    test("refuses to remove what something stands on", async () => {
      const { router, filter, subnets, ports } = sampleNetwork("used");
      const [[aSwitch, routerPort]] = subnets;
      await ensureAll([router, filter, aSwitch, routerPort, ports[0]]);
      await refused(driver.remove(aSwitch, signal), "in_use");
      await refused(driver.remove(router, signal), "in_use");
      await refused(driver.remove(filter, signal), "in_use");
      await driver.remove(ports[0], signal);
      await driver.remove(routerPort, signal);
      await driver.remove(aSwitch, signal);
      await driver.remove(router, signal);
      await driver.remove(filter, signal);
      expect(await held("used")).toEqual([]);
    });

    test("answers a port's status, and none for a port that is not there", async () => {
      await ensureAll(inOrder(sampleNetwork("status")));
      expect(await driver.portStatus("port-status-1", signal)).toEqual({ up: false });
      expect(await driver.portStatus("port-nowhere", signal)).toBeUndefined();
    });

    test("drops what no rule lets in", async () => {
      await ensureAll(inOrder(sampleNetwork("deny")));
      const packet = { fromPortId: "port-deny-1", toIp: "10.0.2.10", protocol: "tcp", port: 80 } as const;
      expect(await driver.reaches(packet, signal)).toMatchObject({ reached: false });
    });

    test("lets in what a rule allows, by protocol and port, also from another subnet", async () => {
      await ensureAll(inOrder(sampleNetwork("web", [allowWeb])));
      const packet = { fromPortId: "port-web-1", toIp: "10.0.2.10" } as const;
      expect(await reached({ ...packet, protocol: "tcp", port: 80 })).toBe(true);
      expect(await reached({ ...packet, protocol: "tcp", port: 81 })).toBe(true);
      expect(await reached({ ...packet, protocol: "tcp", port: 82 })).toBe(false);
      expect(await reached({ ...packet, protocol: "udp", port: 80 })).toBe(false);
      expect(await reached({ ...packet, protocol: "icmp" })).toBe(false);
    });

    test("follows a changed filter", async () => {
      const sample = sampleNetwork("changed", [allowWeb]);
      await ensureAll(inOrder(sample));
      const packet = { fromPortId: "port-changed-1", toIp: "10.0.2.10", protocol: "icmp" } as const;
      expect(await reached(packet)).toBe(false);
      const ping: FilterRule = { name: "ping", direction: "ingress", protocol: "icmp", remote: { type: "any" } };
      await ensureAll([sample.router, { ...sample.filter, rules: [ping] }]);
      expect(await reached(packet)).toBe(true);
      expect(await reached({ ...packet, protocol: "tcp", port: 80 })).toBe(false);
    });

    test("lets in by remote group: its members and nobody else", async () => {
      const sample = sampleNetwork("group");
      const web = { type: "filter", id: "sg-group-web", owner, rules: [] } as const;
      const fromWeb: FilterRule = { ...allowWeb, remote: { type: "group", securityGroupId: web.id } };
      const objects = inOrder({ ...sample, filter: { ...sample.filter, rules: [fromWeb] } });
      await ensureAll(objects);
      const packet = { fromPortId: "port-group-1", toIp: "10.0.2.10", protocol: "tcp", port: 80 } as const;
      expect(await reached(packet)).toBe(false);
      await ensureAll([web, { ...sample.ports[0], securityGroupIds: [sample.filter.id, web.id] }, sample.router]);
      expect(await reached(packet)).toBe(true);
    });

    test("lets in by remote CIDR", async () => {
      const from = (cidr: string): FilterRule => ({ ...allowWeb, remote: { type: "cidr", cidr } });
      const sample = sampleNetwork("cidr");
      const packet = { fromPortId: "port-cidr-1", toIp: "10.0.2.10", protocol: "tcp", port: 80 } as const;
      for (const [cidr, expected] of [
        ["10.0.1.0/24", true],
        ["10.0.1.10/32", true],
        ["10.0.2.0/24", false],
        ["0.0.0.0/0", true],
      ] as const) {
        await ensureAll(inOrder({ ...sample, filter: { ...sample.filter, rules: [from(cidr)] } }));
        expect({ cidr, reached: await reached(packet) }).toEqual({ cidr, reached: expected });
      }
    });

    test("lets in by address group, and follows the group", async () => {
      const sample = sampleNetwork("addresses");
      const offices = { type: "addresses", id: "ag-offices", owner } as const;
      const fromOffices: FilterRule = { ...allowWeb, remote: { type: "addresses", addressGroupId: offices.id } };
      await ensureAll(inOrder({ ...sample, filter: { ...sample.filter, rules: [fromOffices] } }));
      const packet = { fromPortId: "port-addresses-1", toIp: "10.0.2.10", protocol: "tcp", port: 80 } as const;
      expect(await reached(packet)).toBe(false);
      await ensureAll([{ ...offices, cidrs: ["192.0.2.0/24", "10.0.1.0/24"] }, sample.router]);
      expect(await reached(packet)).toBe(true);
      await ensureAll([{ ...offices, cidrs: ["192.0.2.0/24"] }, sample.router]);
      expect(await reached(packet)).toBe(false);
    });

    test("lets everything out until a first egress rule says where to", async () => {
      const out: FilterRule = { name: "out", direction: "egress", protocol: "udp", remote: { type: "any" } };
      const anything: FilterRule = { name: "in", direction: "ingress", protocol: "any", remote: { type: "any" } };
      const sample = sampleNetwork("egress", [anything, out]);
      await ensureAll(inOrder(sample));
      const packet = { fromPortId: "port-egress-1", toIp: "10.0.2.10", port: 80 } as const;
      expect(await reached({ ...packet, protocol: "udp" })).toBe(true);
      expect(await reached({ ...packet, protocol: "tcp" })).toBe(false);
    });

    test("keeps two VPCs with the same CIDR apart", async () => {
      const open: FilterRule = { name: "all", direction: "ingress", protocol: "any", remote: { type: "any" } };
      const one = sampleNetwork("one", [open]);
      const other = sampleNetwork("other", [open]);
      await ensureAll(inOrder(one));
      const packet = { fromPortId: "port-one-1", toIp: "10.0.2.10", protocol: "tcp", port: 80 } as const;
      await driver.remove(one.ports[1], signal);
      await ensureAll(inOrder(other));
      expect(await reached(packet)).toBe(false);
      expect(await reached({ ...packet, fromPortId: "port-other-1" })).toBe(true);
    });

    test("a call with an aborted signal fails and changes nothing", async () => {
      const { router } = sampleNetwork("aborted");
      await expect(driver.ensure(router, AbortSignal.abort())).rejects.toThrow();
      expect(await held("aborted")).toEqual([]);
    });
  });
}

function byKey(a: NetworkObjectId, b: NetworkObjectId): number {
  return `${a.type}/${a.id}` < `${b.type}/${b.id}` ? -1 : 1;
}
