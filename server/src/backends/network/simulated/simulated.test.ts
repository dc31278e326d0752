import { expect, test } from "@jest/globals";
import { samplePeering } from "../contract/samples.ts";
import { inOrder, networkContract, sampleNetwork, sampleOutside } from "../contract.ts";
import type { FilterRule, NetworkObject, Packet } from "../driver.ts";
import { SimulatedNetwork, simulatedNetwork } from "./index.ts";

const simulated = (driver: unknown): SimulatedNetwork => {
  if (driver instanceof SimulatedNetwork) return driver;
  throw new Error("it is no simulated network");
};

networkContract({
  name: "simulated",
  open: async () => simulatedNetwork(),
  plug: async (driver, portId, up) => simulated(driver).plug(portId, up),
  spoil: async (driver, object) => simulated(driver).lose(object),
});

const { signal } = new AbortController();
const open: FilterRule = { name: "all", direction: "ingress", protocol: "any", remote: { type: "any" } };

async function networkOf(objects: readonly NetworkObject[]): Promise<SimulatedNetwork> {
  const network = simulatedNetwork();
  for (const object of objects) await network.ensure(object, signal);
  return network;
}

test("a device that was plugged in before its port was there has it up", async () => {
  const network = await networkOf([]);
  network.plug("port-late-1", true);
  for (const object of inOrder(sampleNetwork("late"))) await network.ensure(object, new AbortController().signal);
  expect(await network.portStatus("port-late-1")).toEqual({ up: true });
});

test("plug() shows in the port's status and is told once", async () => {
  const network = await networkOf(inOrder(sampleNetwork("plug")));
  const told: unknown[] = [];
  network.onChange((port) => told.push(port));
  network.plug("port-plug-1", true);
  network.plug("port-plug-1", true);
  network.plug("port-nowhere", true);
  expect(await network.portStatus("port-plug-1")).toEqual({ up: true });
  expect(told).toEqual([{ type: "port", id: "port-plug-1", owner: "acme/alpha", what: "status" }]);
});

test("reaches() says why", async () => {
  const network = await networkOf(inOrder(sampleNetwork("why")));
  const packet = { fromPortId: "port-why-1", toIp: "10.0.2.10", protocol: "icmp" } as const;
  const why = async (other: Partial<Packet> = {}) => (await network.reaches({ ...packet, ...other })).because;
  expect(await why()).toBe("no ingress rule of port-why-2 allows it");
  expect(await why({ toIp: "10.0.2.11" })).toBe("no port of vpc-why has the address 10.0.2.11");
  expect(await why({ toIp: "10.0.1.1" })).toBe("the router of vpc-why answers it");
  expect(await why({ toIp: "192.0.2.1" })).toBe("vpc-why has no route to 192.0.2.1");
  expect(await why({ toIp: "fd00::1" })).toBe("port-why-1 has no address of the family of fd00::1");
  await network.remove({ type: "router-port", id: "subnet-why-2" }, signal);
  expect(await why()).toBe("vpc-why has no route to 10.0.2.10");
  await network.remove({ type: "router-port", id: "subnet-why-1" }, signal);
  expect(await why()).toBe("subnet-why-1 is not joined to its router");
});

test("reaches() names what a packet passes, in order", async () => {
  const network = await networkOf(inOrder(sampleNetwork("way", [open])));
  const { hops } = await network.reaches({ fromPortId: "port-way-1", toIp: "10.0.2.10", protocol: "icmp" });
  expect(hops.map(({ type, id, action }) => `${type} ${id}: ${action}`)).toEqual([
    "port port-way-1: it sends the packet",
    "switch subnet-way-1: it carries the packet",
    "filter sg-way: it lets everything out",
    "router vpc-way: its router passes the packet on",
    "switch subnet-way-2: it carries the packet",
    "filter sg-way: rule all allows it",
    "port port-way-2: it takes the packet",
  ]);
});

/** Two VPCs on one external network, each with an elastic IP for its first port. */
function neighbours(rules: readonly FilterRule[]): readonly NetworkObject[] {
  const [one, other] = [sampleNetwork("one", [open]), sampleNetwork("other", rules)];
  const [network, gateway] = sampleOutside("one", 10);
  const [, second] = sampleOutside("other", 11);
  const ip = (tag: string, address: string): NetworkObject => ({
    type: "elastic-ip",
    id: `eip-${tag}`,
    owner: "acme/alpha",
    vpcId: `vpc-${tag}`,
    address,
    portId: `port-${tag}-1`,
    portAddress: "10.0.1.10",
  });
  return [
    ...[...inOrder(one), ...inOrder(other), network, gateway, { ...second, externalNetworkId: network.id }],
    ...[ip("one", "203.0.113.20"), ip("other", "203.0.113.21")],
  ];
}

test("an elastic IP is reached from its own VPC and from another, by the address that the sender leaves with", async () => {
  const from = (cidr: string): FilterRule => ({ ...open, name: "from", remote: { type: "cidr", cidr } });
  const packet = { fromPortId: "port-one-1", toIp: "203.0.113.21", protocol: "icmp" } as const;
  for (const [cidr, reached] of [
    ["203.0.113.20/32", true],
    ["203.0.113.10/32", false],
    ["10.0.0.0/8", false],
  ] as const)
    expect(await (await networkOf(neighbours([from(cidr)]))).reaches(packet)).toMatchObject({ reached });
  const network = await networkOf(neighbours([from("203.0.113.10/32")]));
  expect(await network.reaches({ ...packet, fromPortId: "port-one-2" })).toMatchObject({ reached: true });
  const hairpin = { ...packet, fromPortId: "port-one-2", toIp: "203.0.113.20" };
  expect(await network.reaches(hairpin)).toMatchObject({ reached: true });
  const router = { ...packet, toIp: "203.0.113.11" } as const;
  expect(await network.reaches({ ...router, protocol: "tcp", port: 22 })).toMatchObject({ reached: false });
});

test("a peer's group is known across the peering, and a peer's peer is not reached", async () => {
  const [a, b, c] = [0, 1, 2].map((n) => sampleNetwork(`peer${n}`, [open], n));
  if (a === undefined || b === undefined || c === undefined) throw new Error("three were made");
  const [aToB, bToA] = samplePeering([a, 0], [b, 1]);
  const [bToC, cToB] = samplePeering([b, 1], [c, 2]);
  const transit = { ...aToB, peerCidrs: ["10.1.0.0/16", "10.2.0.0/16"] };
  const others = [transit, bToA, { ...bToC, id: "peering-b-c" }, cToB];
  const network = await networkOf([...inOrder(a), ...inOrder(b), ...inOrder(c), ...others]);
  const packet = { fromPortId: "port-peer0-1", toIp: "10.1.1.10", protocol: "icmp" } as const;
  expect(await network.reaches(packet)).toMatchObject({ reached: true });
  expect(await network.reaches({ ...packet, toIp: "10.2.1.10" })).toMatchObject({
    reached: false,
    because: `peering ${cToB.id} takes nothing from that source`,
  });
  const group = { type: "group", securityGroupId: "sg-peer0" } as const;
  await network.ensure({ ...b.filter, rules: [{ ...open, remote: group }] }, signal);
  expect(await network.reaches(packet)).toMatchObject({ reached: true });
  for (const [over, reached] of [
    [{ vpcId: "vpc-peer1", peerVpcId: "vpc-peer0" }, true],
    [{ vpcId: "vpc-peer1", peerVpcId: "vpc-peer2" }, false],
    [{ vpcId: "vpc-peer2", peerVpcId: "vpc-peer0" }, false],
  ] as const) {
    await network.ensure({ ...b.filter, rules: [{ ...open, remote: { ...group, over } }] }, signal);
    expect(await network.reaches(packet)).toMatchObject({ reached });
  }
});
