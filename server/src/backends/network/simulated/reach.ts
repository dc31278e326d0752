// The simulated network's answer to "would this packet arrive?": isolation of VPCs, routing between subnets, packet filters.
import { includes, parseIp, parseNetwork } from "../../../ip.ts";
import { DriverError } from "../../driver-error.ts";
import type { FilterRule, FilterSpec, NetworkObject, Packet, PortSpec, Reach } from "../driver.ts";
import { keyOf } from "../topology.ts";

type Objects = ReadonlyMap<string, NetworkObject>;

/** @throws DriverError "missing" if the sending port is not there. */
export function reach(objects: Objects, packet: Packet): Reach {
  const from = objects.get(keyOf({ type: "port", id: packet.fromPortId }));
  if (from?.type !== "port") throw new DriverError("missing", `there is no port ${packet.fromPortId}`);
  const to = portsOf(objects).find((port) => port.vpcId === from.vpcId && port.ipAddresses.includes(packet.toIp));
  if (to === undefined) return dropped(`no port of ${from.vpcId} has the address ${packet.toIp}`);
  const unrouted = [from, to].find((port) => !isRouted(objects, port));
  if (from.subnetId !== to.subnetId && unrouted !== undefined)
    return dropped(`${unrouted.subnetId} is not joined to its router`);
  return filter(objects, packet, from, to);
}

function filter(objects: Objects, packet: Packet, from: PortSpec, to: PortSpec): Reach {
  if (!letsOut(objects, packet, from, to)) return dropped(`no egress rule of ${from.id} allows it`);
  const entry = firstMatch(objects, packet, { local: to, remote: from, direction: "ingress" });
  if (entry === undefined) return dropped(`no ingress rule of ${to.id} allows it`);
  return { reached: true, because: `rule ${entry.rule.name} of ${entry.filter.id} allows it`, hops: [] };
}

function dropped(because: string): Reach {
  return { reached: false, because, hops: [] };
}

function portsOf(objects: Objects): PortSpec[] {
  return [...objects.values()].filter((object) => object.type === "port");
}

function isRouted(objects: Objects, port: PortSpec): boolean {
  return objects.has(keyOf({ type: "router-port", id: port.subnetId }));
}

function filtersOf(objects: Objects, port: PortSpec): FilterSpec[] {
  return port.securityGroupIds
    .map((id) => objects.get(keyOf({ type: "filter", id })))
    .filter((object) => object?.type === "filter");
}

function letsOut(objects: Objects, packet: Packet, from: PortSpec, to: PortSpec): boolean {
  const filters = filtersOf(objects, from);
  const free = (one: FilterSpec) => one.rules.every((rule) => rule.direction !== "egress");
  if (filters.length === 0 || filters.some(free)) return true;
  return firstMatch(objects, packet, { local: from, remote: to, direction: "egress" }) !== undefined;
}

interface Side {
  readonly local: PortSpec;
  readonly remote: PortSpec;
  readonly direction: "ingress" | "egress";
}

function firstMatch(objects: Objects, packet: Packet, { local, remote, direction }: Side) {
  for (const one of filtersOf(objects, local)) {
    const rule = one.rules.find((r) => r.direction === direction && allows(objects, r, packet, remote));
    if (rule !== undefined) return { filter: one, rule };
  }
  return undefined;
}

function allows(objects: Objects, rule: FilterRule, packet: Packet, remote: PortSpec): boolean {
  if (rule.protocol !== "any" && rule.protocol !== packet.protocol) return false;
  if (rule.ports !== undefined && !isBetween(rule.ports, packet.port)) return false;
  switch (rule.remote.type) {
    case "any":
      return true;
    case "nobody":
      return false;
    case "group":
      return isMember(rule.remote, remote);
    case "cidr":
      return isAmong([rule.remote.cidr], remote);
    case "addresses":
      return isAmong(cidrsOf(objects, rule.remote.addressGroupId), remote);
  }
}

function isMember(
  { securityGroupId, within }: Extract<FilterRule["remote"], { readonly type: "group" }>,
  port: PortSpec,
): boolean {
  return port.securityGroupIds.includes(securityGroupId) && (within === undefined || isAmong(within, port));
}

function isBetween({ first, last }: { readonly first: number; readonly last: number }, port: number | undefined) {
  return port !== undefined && first <= port && port <= last;
}

function cidrsOf(objects: Objects, addressGroupId: string): readonly string[] {
  const set = objects.get(keyOf({ type: "addresses", id: addressGroupId }));
  return set?.type === "addresses" ? set.cidrs : [];
}

function isAmong(cidrs: readonly string[], { ipAddresses }: PortSpec): boolean {
  const networks = cidrs.map(parseNetwork).filter((network) => network !== undefined);
  const addresses = ipAddresses.map(parseIp).filter((address) => address !== undefined);
  return networks.some((network) => addresses.some((address) => includes(network, address)));
}
