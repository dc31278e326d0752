// What the packet filters of a port say about a packet.
import type { FilterRule, FilterSpec, Packet, PortSpec } from "../driver.ts";
import { allOf, type Objects, objectOf } from "./objects.ts";
import { isIn } from "./routing.ts";

/** The other end of a packet: its address as the filter sees it, and the port that has it, if it is one of the cloud's. */
export interface Remote {
  readonly address: string;
  readonly port: PortSpec | undefined;
}

/** Which end a filter is asked for. */
export interface Side {
  readonly local: PortSpec;
  readonly remote: Remote;
  readonly direction: FilterRule["direction"];
}

/** What let a packet pass; without a rule the filter lets everything out, without a filter the port's having none does. */
export interface Pass {
  readonly filter?: FilterSpec;
  readonly rule?: FilterRule;
}

/** Undefined: nothing lets it pass. */
export function passOf(objects: Objects, packet: Packet, side: Side): Pass | undefined {
  const filters = side.local.securityGroupIds.flatMap((id) => objectOf(objects, "filter", id) ?? []);
  if (side.direction === "egress" && filters.length === 0) return {};
  const free = filters.find((one) => side.direction === "egress" && one.rules.every((r) => r.direction !== "egress"));
  if (free !== undefined) return { filter: free };
  for (const filter of filters) {
    const rule = filter.rules.find((r) => r.direction === side.direction && allows(objects, r, packet, side));
    if (rule !== undefined) return { filter, rule };
  }
  return undefined;
}

function allows(objects: Objects, rule: FilterRule, packet: Packet, side: Side): boolean {
  const { remote } = side;
  if (rule.protocol !== "any" && rule.protocol !== packet.protocol) return false;
  if (rule.ports !== undefined && !isBetween(rule.ports, packet.port)) return false;
  switch (rule.remote.type) {
    case "any":
      return true;
    case "nobody":
      return false;
    case "group":
      return isMember(objects, rule.remote, side);
    case "cidr":
      return isIn([rule.remote.cidr], remote.address);
    case "addresses":
      return isIn(objectOf(objects, "addresses", rule.remote.addressGroupId)?.cidrs ?? [], remote.address);
  }
}

type RemoteGroup = Extract<FilterRule["remote"], { readonly type: "group" }>;

function isMember(objects: Objects, { securityGroupId, over }: RemoteGroup, { local, remote }: Side): boolean {
  if (remote.port?.securityGroupIds.includes(securityGroupId) !== true) return false;
  const { vpcId } = remote.port;
  if (over !== undefined) return over.vpcId === local.vpcId && over.peerVpcId === vpcId;
  return vpcId === local.vpcId || isOwnPeer(objects, local, vpcId);
}

/** Whether a VPC is of the same tenant and peered with a port's. */
function isOwnPeer(objects: Objects, { vpcId, owner }: PortSpec, peerVpcId: string): boolean {
  return allOf(objects, "peering").some(
    (one) => one.vpcId === vpcId && one.peerVpcId === peerVpcId && one.peerOwner === owner,
  );
}

function isBetween({ first, last }: { readonly first: number; readonly last: number }, port: number | undefined) {
  return port !== undefined && first <= port && port <= last;
}
