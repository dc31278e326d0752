// What every network driver must do: the way beyond a VPC's own subnets.
import { expect, test } from "@jest/globals";
import type { ElasticIpSpec, FilterRule, NetworkObject, Packet, RouteSpec } from "../driver.ts";
import { inOrder, owner, sampleNetwork, sampleOutside, samplePeering, withIpv6 } from "./samples.ts";
import type { Trial } from "./trial.ts";

const open: FilterRule = { name: "all", direction: "ingress", protocol: "any", remote: { type: "any" } };

/** An address that is nobody's of the cloud (TEST-NET-2, RFC 5737). */
const outside = "198.51.100.10";

const route = (tag: string, name: string, destination: string, target: RouteSpec["target"]): RouteSpec => ({
  type: "route",
  id: `route-${tag}-${name}`,
  owner,
  vpcId: `vpc-${tag}`,
  destination,
  target,
});

const elasticIp = (tag: string, address: string): ElasticIpSpec => ({
  type: "elastic-ip",
  id: `eip-${tag}`,
  owner,
  vpcId: `vpc-${tag}`,
  address,
  portId: `port-${tag}-1`,
  portAddress: "10.0.1.10",
});

export function routingTests(trial: Trial): void {
  gatewayTests(trial);
  routeTests(trial);
  peeringTests(trial);
  otherTests(trial);
}

function gatewayTests(trial: Trial): void {
  test("reaches the outside by a gateway, and not without one", async () => {
    await trial.ensureAll(inOrder(sampleNetwork("out")));
    const packet = { fromPortId: "port-out-1", toIp: outside, protocol: "tcp", port: 443 } as const;
    expect(await trial.reached(packet)).toBe(false);
    const [network, gateway] = sampleOutside("out");
    await trial.ensureAll([network, gateway, ...inOrder(sampleNetwork("out"))]);
    expect(await trial.reached(packet)).toBe(true);
    await trial.refused(trial.driver.remove(network, trial.signal), "in_use");
    await trial.removeAll([network, gateway]);
    expect(await trial.reached(packet)).toBe(false);
  });

  test("refuses a gateway without its network, and an elastic IP without its gateway", async () => {
    const [network, gateway] = sampleOutside("bare", 11);
    const ip = elasticIp("bare", "203.0.113.51");
    await trial.ensureAll(inOrder(sampleNetwork("bare")));
    await trial.refused(trial.driver.ensure(gateway, trial.signal), "missing");
    await trial.refused(trial.driver.ensure(ip, trial.signal), "missing");
    await trial.ensureAll([network, gateway, ip]);
    await trial.refused(trial.driver.remove(gateway, trial.signal), "in_use");
    await trial.removeAll([network, gateway, ip]);
    expect(await trial.held("bare")).toEqual(trial.idsOf(inOrder(sampleNetwork("bare"))));
  });

  test("sends a port's packets out by its elastic IP, and by the gateway's address when that moves on", async () => {
    const sample = sampleNetwork("eip");
    const ip = elasticIp("eip", "203.0.113.52");
    await trial.ensureAll([...inOrder(sample), ...sampleOutside("eip", 12), ip, sample.router]);
    const packet = { fromPortId: "port-eip-1", toIp: outside, protocol: "icmp" } as const;
    expect(await trial.passed(packet, "elastic-ip")).toEqual({ reached: true, by: [ip.id] });
    const moved = { ...ip, portId: "port-eip-2", portAddress: "10.0.2.10" };
    await trial.ensureAll([moved, sample.router]);
    expect(await trial.passed(packet, "elastic-ip")).toEqual({ reached: true, by: [] });
    const other = { ...packet, fromPortId: "port-eip-2" };
    expect(await trial.passed(other, "elastic-ip")).toEqual({ reached: true, by: [ip.id] });
  });
}

function routeTests(trial: Trial): void {
  test("follows the most specific route: to a port that forwards, or nowhere", async () => {
    const sample = sampleNetwork("route", [open]);
    const [, second] = sample.ports;
    const [address = ""] = second.ipAddresses;
    const { id: portId, subnetId } = second;
    const wide = route("route", "wide", "192.168.0.0/16", { type: "address", address, portId, subnetId });
    const narrow = route("route", "narrow", "192.168.7.0/24", { type: "drop" });
    const objects = inOrder(sample).map((one) => (one.id === portId ? { ...second, forwarding: true } : one));
    await trial.ensureAll(objects);
    const packet = (toIp: string): Packet => ({ fromPortId: "port-route-1", toIp, protocol: "icmp" });
    expect(await trial.reached(packet("192.168.1.1"))).toBe(false);
    await trial.ensureAll([wide, narrow, sample.router]);
    expect(await trial.passed(packet("192.168.1.1"), "route")).toEqual({ reached: true, by: [wide.id] });
    expect(await trial.passed(packet("192.168.7.1"), "route")).toEqual({ reached: false, by: [narrow.id] });
    await trial.refused(trial.driver.remove(second, trial.signal), "in_use");
    await trial.removeAll([wide, narrow]);
    expect(await trial.reached(packet("192.168.1.1"))).toBe(false);
  });

  test("lets a default route take the place of the gateway's, and a route by the gateway lead out all the same", async () => {
    const sample = sampleNetwork("default");
    const nowhere = route("default", "nowhere", "0.0.0.0/0", { type: "drop" });
    const exit = route("default", "exit", "198.51.100.0/24", { type: "gateway" });
    await trial.ensureAll([...inOrder(sample), ...sampleOutside("default", 13), nowhere, exit, sample.router]);
    const packet = (toIp: string): Packet => ({ fromPortId: "port-default-1", toIp, protocol: "icmp" });
    expect(await trial.reached(packet("192.0.2.1"))).toBe(false);
    expect(await trial.passed(packet(outside), "route")).toEqual({ reached: true, by: [exit.id] });
  });
}

function peeringTests(trial: Trial): void {
  test("passes packets between peers while both sides are there", async () => {
    const [one, other] = [sampleNetwork("peer", [open]), sampleNetwork("remote", [open], 1)];
    const [ours, theirs] = samplePeering([one, 0], [other, 1]);
    await trial.ensureAll([...inOrder(one), ...inOrder(other)]);
    const packet = { fromPortId: "port-peer-1", toIp: "10.1.2.10", protocol: "icmp" } as const;
    const back = { fromPortId: "port-remote-2", toIp: "10.0.1.10", protocol: "icmp" } as const;
    const both = async () => [await trial.reached(packet), await trial.reached(back)];
    expect(await both()).toEqual([false, false]);
    await trial.ensureAll([ours, one.router]);
    expect(await both()).toEqual([false, false]);
    await trial.ensureAll([theirs, other.router]);
    expect(await both()).toEqual([true, true]);
    await trial.removeAll([ours]);
    expect(await both()).toEqual([false, false]);
    await trial.removeAll([theirs]);
  });
}

function otherTests(trial: Trial): void {
  test("filters and routes IPv6 as IPv4", async () => {
    const six = (cidr: string): FilterRule => ({ ...open, name: "six", remote: { type: "cidr", cidr } });
    const objects = (rule: FilterRule): readonly NetworkObject[] => withIpv6(sampleNetwork("six", [rule]));
    const packet = { fromPortId: "port-six-1", toIp: "fd00:10:0:2::10", protocol: "tcp", port: 80 } as const;
    await trial.ensureAll(objects(six("fd00:10:0:1::/64")));
    expect(await trial.reached(packet)).toBe(true);
    expect(await trial.reached({ ...packet, toIp: "10.0.2.10" })).toBe(false);
    await trial.ensureAll(objects(six("fd00:10:0:2::/64")));
    expect(await trial.reached(packet)).toBe(false);
  });

  test("answers for the metadata service whatever a port's filters say", async () => {
    const nothing: FilterRule = { ...open, name: "none", direction: "egress", remote: { type: "nobody" } };
    await trial.ensureAll(inOrder(sampleNetwork("service", [nothing])));
    const packet = { fromPortId: "port-service-1", toIp: "169.254.169.254", protocol: "tcp", port: 80 } as const;
    expect(await trial.reached(packet)).toBe(true);
    expect(await trial.reached({ ...packet, toIp: "10.0.2.10" })).toBe(false);
  });
}
