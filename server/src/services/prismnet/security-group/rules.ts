// The rules of a security group: what is wrong with one, and how a driver is told of it.
import {
  Direction,
  type PeerGroup,
  Protocol,
  type SecurityGroupRule,
} from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import type { FilterRule } from "../../../backends/network/driver.ts";
import { invalidField } from "../../../fault.ts";

/** @throws Error for a value that this version does not know: a rule must never allow more than was asked for. */
function protocolOf({ protocol = Protocol.UNSPECIFIED }: SecurityGroupRule): FilterRule["protocol"] {
  switch (protocol) {
    case Protocol.UNSPECIFIED:
      return "any";
    case Protocol.TCP:
      return "tcp";
    case Protocol.UDP:
      return "udp";
    case Protocol.ICMP:
      return "icmp";
    default:
      throw new Error(`a rule has the unknown protocol ${String(protocol)}`);
  }
}

/** @throws Fault INVALID_FIELDS */
export function checkRule(name: string, rule: SecurityGroupRule): void {
  const path = `rules[${JSON.stringify(name)}]`;
  if (rule.direction === Direction.UNSPECIFIED)
    throw invalidField(`${path}.direction`, "required", "it is missing; use ingress or egress");
  checkPorts(path, rule);
}

function checkPorts(path: string, { protocol, portRange }: SecurityGroupRule): void {
  if (portRange === undefined) return;
  if (protocol !== Protocol.TCP && protocol !== Protocol.UDP)
    throw invalidField(
      `${path}.port_range`,
      "conflict",
      "only TCP and UDP have ports; set protocol to tcp or udp, or leave the range out",
    );
  const { first, last = first } = portRange;
  if (first > last)
    throw invalidField(`${path}.port_range.last`, "range", `${last} is below the first port ${first}; swap them`);
}

/** Finds whom a rule with a group of a peer's allows. */
export type FindPeerGroup = (group: PeerGroup) => Promise<FilterRule["remote"]>;

async function remoteOf({ remote }: SecurityGroupRule, findPeerGroup: FindPeerGroup): Promise<FilterRule["remote"]> {
  if (remote.case === "remoteCidr") return { type: "cidr", cidr: remote.value };
  if (remote.case === "remoteGroupId") return { type: "group", securityGroupId: remote.value };
  if (remote.case === "remoteAddressGroupId") return { type: "addresses", addressGroupId: remote.value };
  if (remote.case === "remotePeerGroup") return findPeerGroup(remote.value);
  return { type: "any" };
}

/** A rule as drivers know it. */
export async function filterRuleOf(
  name: string,
  rule: SecurityGroupRule,
  findPeerGroup: FindPeerGroup,
): Promise<FilterRule> {
  const { portRange } = rule;
  const direction = rule.direction === Direction.EGRESS ? "egress" : "ingress";
  const ports = portRange && { first: portRange.first, last: portRange.last ?? portRange.first };
  const filter = { name, direction, protocol: protocolOf(rule), remote: await remoteOf(rule, findPeerGroup) } as const;
  return ports === undefined ? filter : { ...filter, ports };
}
