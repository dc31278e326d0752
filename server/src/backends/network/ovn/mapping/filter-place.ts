// A security group in one VPC: a port group of its ports there, and for each rule a row or two. Each VPC has its own, so that a rule that names a
// group means that group's ports in the same network: an address in a match says nothing of the VPC that it is in.
import type { FilterRule, FilterSpec } from "../../driver.ts";
import { idIn } from "../marks.ts";
import { aclRow, directions } from "./acl.ts";
import { marksOf } from "./external-ids.ts";
import { keptFilter } from "./filter-rules.ts";
import { type LogColumns, logColumns, metersOf } from "./logging.ts";
import { all, type End, inNetwork, inSetsNamed, ip, type Match, ports, protocol, throughGroup } from "./match.ts";
import { addressSetName, filterGroupName, memberSetName } from "./names.ts";
import { peersOf } from "./peers.ts";
import { groupPlaceholder, namesOf, setPlaceholders } from "./placeholders.ts";
import type { View, WantedRow } from "./row.ts";
import { filterGroupUuid, rowUuid } from "./uuids.ts";

export interface Place {
  readonly filter: FilterSpec;
  readonly vpcId: string;
}

interface Around {
  /** The tenant's own VPCs that are peered with this one. */
  readonly peers: readonly string[];
  readonly logged: LogColumns;
}

/** All of a filter in a VPC. `peers`: default those that are there. */
export function rowsInPlace(
  place: Place,
  view: View,
  peers = peersOf(view, place.vpcId, place.filter.owner),
): readonly WantedRow[] {
  const { filter, vpcId } = place;
  const verdict = "allowed";
  const logged = logColumns({ tenant: filter.owner, vpcId, verdict }, metersOf(view, filter.owner));
  const group: WantedRow = {
    table: "Port_Group",
    uuid: filterGroupUuid(filter.id, vpcId),
    columns: { name: filterGroupName(filter.id, vpcId), external_ids: marksOf(filter, { vpc: vpcId }) },
    memberOf: [],
  };
  const rules = filter.rules.flatMap((rule) => rowsOf(place, rule, { peers, logged }));
  const free = filter.rules.some(({ direction }) => direction === "egress") ? [] : [freedom(place, logged)];
  return [group, ...rules, ...free, ...placeholdersOf(place, peers)];
}

/** What a port brings with it: its filters' rows in its VPC, where it is the first there. */
export function broughtBy(securityGroupId: string, vpcId: string, view: View): readonly WantedRow[] {
  const there = view.row(filterGroupUuid(securityGroupId, vpcId))?.row;
  if (idIn(there, "photon:id") === securityGroupId) return [];
  const filter = keptFilter(securityGroupId, view);
  return filter === undefined ? [] : rowsInPlace({ filter, vpcId }, view);
}

/** A rule's rows: one where one match says it all, one for each family where it names sets, none where it allows nobody. */
function rowsOf(place: Place, rule: FilterRule, { peers, logged }: Around): WantedRow[] {
  const { filter, vpcId } = place;
  const { lport } = directions[rule.direction];
  return remotesOf(rule, vpcId, peers).map(({ role, match }) =>
    aclRow({
      uuid: rowUuid(filter, `rule ${rule.direction} ${rule.name} ${role} ${vpcId}`),
      group: filterGroupUuid(filter.id, vpcId),
      direction: rule.direction,
      match: all(throughGroup(lport, filterGroupName(filter.id, vpcId)), match, ...protocolOf(rule)),
      action: "allow",
      marks: marksOf(filter, { vpc: vpcId, rule: rule.name, verdict: "allowed", ...namesOf(rule) }),
      logged,
    }),
  );
}

function protocolOf({ protocol: name, ports: range }: FilterRule): Match[] {
  if (name === "any") return [];
  if (name === "icmp" || range === undefined) return [protocol(name)];
  return [ports(name, "dst", range)];
}

interface Remote {
  readonly role: string;
  readonly match: Match;
}

function remotesOf({ direction, remote }: FilterRule, vpcId: string, peers: readonly string[]): readonly Remote[] {
  const { far } = directions[direction];
  switch (remote.type) {
    case "any":
      return [{ role: "", match: ip() }];
    case "nobody":
      return [];
    case "cidr":
      return [{ role: "", match: inNetwork(far, remote.cidr) }];
    case "group": {
      const { securityGroupId } = remote;
      const vpcs = membersIn(remote, vpcId, peers);
      return inSets(far, (family) => vpcs.map((vpc) => memberSetName(securityGroupId, vpc, family)));
    }
    case "addresses":
      return inSets(far, (family) => [addressSetName(remote.addressGroupId, family)]);
  }
}

const families = [4, 6] as const;

function inSets(far: End, namesFor: (family: 4 | 6) => readonly string[]): readonly Remote[] {
  return families.flatMap((family) => {
    const [first, ...others] = namesFor(family);
    return first === undefined ? [] : { role: `ip${family}`, match: inSetsNamed(far, family, [first, ...others]) };
  });
}

type RemoteGroup = Extract<FilterRule["remote"], { readonly type: "group" }>;

/** The VPCs in which a group's ports are meant. */
function membersIn({ over }: RemoteGroup, vpcId: string, peers: readonly string[]): readonly string[] {
  if (over === undefined) return [vpcId, ...peers];
  return over.vpcId === vpcId ? [over.peerVpcId] : [];
}

/** Without an egress rule everything may leave. */
function freedom({ filter, vpcId }: Place, logged: LogColumns): WantedRow {
  return aclRow({
    uuid: rowUuid(filter, `free egress ${vpcId}`),
    group: filterGroupUuid(filter.id, vpcId),
    direction: "egress",
    match: all(throughGroup("inport", filterGroupName(filter.id, vpcId)), ip()),
    action: "allow",
    marks: marksOf(filter, { vpc: vpcId, verdict: "allowed" }),
    logged,
  });
}

/** What must be there so that the rules can be read: the groups and sets that they name. */
function placeholdersOf({ filter, vpcId }: Place, peers: readonly string[]): readonly WantedRow[] {
  const named = new Map<string, WantedRow>();
  for (const { remote } of filter.rules) {
    if (remote.type === "addresses") for (const row of setPlaceholders(remote.addressGroupId)) named.set(row.uuid, row);
    if (remote.type !== "group") continue;
    for (const vpc of membersIn(remote, vpcId, peers)) {
      const row = groupPlaceholder(remote.securityGroupId, vpc);
      named.set(row.uuid, row);
    }
  }
  named.delete(filterGroupUuid(filter.id, vpcId));
  return [...named.values()];
}
