// A security group: a port group, and for each rule a row or two.
import type { FilterRule, FilterSpec } from "../../driver.ts";
import { aclRow, directions } from "./acl.ts";
import { type Family, ofFamily } from "./checked.ts";
import { mainMarksOf, marksOf } from "./external-ids.ts";
import { type LogColumns, logColumns, metersOf } from "./logging.ts";
import { all, among, type End, inNetwork, inSetNamed, ip, type Match, ports, protocol, throughGroup } from "./match.ts";
import { addressSetName, filterGroupName, memberSetName } from "./names.ts";
import { namesOf, placeholdersOf } from "./placeholders.ts";
import type { Compiled, View, WantedRow } from "./row.ts";
import { filterGroupUuid, rowUuid } from "./uuids.ts";

export function compileFilter(object: FilterSpec, view: View): Compiled {
  const verdict = "allowed";
  const logged = logColumns({ tenant: object.owner, vpcId: undefined, verdict }, metersOf(view, object.owner));
  const group: WantedRow = {
    table: "Port_Group",
    uuid: filterGroupUuid(object.id),
    columns: { name: filterGroupName(object.id), external_ids: mainMarksOf(object) },
    memberOf: [],
  };
  const rules = object.rules.flatMap((rule) => rowsOf(object, rule, logged));
  const free = object.rules.some(({ direction }) => direction === "egress") ? [] : [freedom(object, logged)];
  return { rows: [group, ...rules, ...free, ...placeholdersOf(object)], patches: [] };
}

/** A rule's rows: one where one match says it all, one for each family where it names a set, none where it allows nobody. */
function rowsOf(object: FilterSpec, rule: FilterRule, logged: LogColumns): WantedRow[] {
  const { lport } = directions[rule.direction];
  return remotesOf(rule).map(({ role, match }) =>
    aclRow({
      uuid: rowUuid(object, `rule ${rule.direction} ${rule.name} ${role}`),
      group: filterGroupUuid(object.id),
      direction: rule.direction,
      match: all(throughGroup(lport, filterGroupName(object.id)), match, ...protocolOf(rule)),
      action: "allow",
      marks: marksOf(object, { rule: rule.name, verdict: "allowed", ...namesOf(rule) }),
      logged,
    }),
  );
}

function protocolOf({ protocol: name, ports: range }: FilterRule): Match[] {
  if (name === "any") return [];
  if (name === "icmp" || range === undefined) return [protocol(name)];
  return [ports(name, "dst", range)];
}

function remotesOf({ direction, remote }: FilterRule): readonly { readonly role: string; readonly match: Match }[] {
  const { far } = directions[direction];
  switch (remote.type) {
    case "any":
      return [{ role: "", match: ip() }];
    case "nobody":
      return [];
    case "cidr":
      return [{ role: "", match: inNetwork(far, remote.cidr) }];
    case "group":
      return membersOf(far, remote);
    case "addresses":
      return eachFamily((family) => inSetNamed(far, family, addressSetName(remote.addressGroupId, family)));
  }
}

/** A peer's members count only where their addresses are in its VPC's networks. */
function membersOf(far: End, { securityGroupId, within }: Extract<FilterRule["remote"], { readonly type: "group" }>) {
  const members = (family: Family) => inSetNamed(far, family, memberSetName(securityGroupId, family));
  if (within === undefined) return eachFamily(members);
  return families
    .filter((family) => ofFamily(within, family).length > 0)
    .map((family) => ({ role: `ip${family}`, match: all(members(family), among(far, family, within)) }));
}

const families = [4, 6] as const;

function eachFamily(matchOf: (family: Family) => Match) {
  return families.map((family) => ({ role: `ip${family}`, match: matchOf(family) }));
}

/** Without an egress rule everything may leave. */
function freedom(object: FilterSpec, logged: LogColumns): WantedRow {
  return aclRow({
    uuid: rowUuid(object, "free egress"),
    group: filterGroupUuid(object.id),
    direction: "egress",
    match: all(throughGroup("inport", filterGroupName(object.id)), ip()),
    action: "allow",
    marks: marksOf(object, { verdict: "allowed" }),
    logged,
  });
}
