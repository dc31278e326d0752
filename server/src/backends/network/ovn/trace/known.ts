// Finds our objects behind OVN's words: which rule a match is, whose port, route or address it speaks of.
import type { Hop, NetworkObject } from "../../driver.ts";
import type { View } from "../mapping/row.ts";
import { idIn, objectOf } from "../marks.ts";
import type { Row } from "../ovsdb/database.ts";

type Table = Parameters<View["rowsWith"]>[0];

/** What is asked of the live copy of the Northbound. */
export interface Known {
  rowsWith: View["rowsWith"];
  row(uuid: string): { readonly row: Row } | undefined;
}

/** A row of ours: which object it is part of, and what its rule is called. */
export interface Marked {
  readonly type: NetworkObject["type"];
  readonly id: string;
  readonly owner: string;
  /** The VPC that it is in; "" where it is in none. */
  readonly vpcId: string;
  readonly rule: string;
  readonly row: Row;
}

/** What a row says of itself; undefined: it is not ours. */
export function marked(row: Row | undefined): Marked | undefined {
  if (row === undefined) return undefined;
  const object = objectOf(`${idIn(row, "photon:type")}/${idIn(row, "photon:id")}`);
  const [owner = "", vpcId = "", rule = ""] = ["photon:tenant", "photon:vpc", "photon:rule"].map((key) =>
    idIn(row, key),
  );
  return object && { ...object, owner, vpcId, rule, row };
}

export function hopOf({ type, id, owner }: Marked, action: string): Hop {
  return { type, id, owner, action };
}

/** The router or switch of a pipeline. */
export function datapathOf(known: Known, uuid: string): Marked | undefined {
  return marked(known.row(uuid)?.row);
}

/** A switch's port by its name, among those of a subnet. */
export function switchPortOf(known: Known, key: "photon:subnet" | "photon:id", id: string, name: string) {
  return rowOf(known, "Logical_Switch_Port", key, id, (row) => row.name === name);
}

/** A router's port by its name. */
export function routerPortOf(known: Known, vpcId: string, name: string): Marked | undefined {
  return rowOf(known, "Logical_Router_Port", "photon:vpc", vpcId, (row) => row.name === name);
}

const groupIn = /@pg_(drop_|free_)?([0-9a-f]{32})\b/;

/** The rule whose match a filter's flow has: `reg0[7] == 1 && (match)`. Undefined: the flow is OVN's own. */
export function ruleOf(known: Known, flowMatch: string): Marked | undefined {
  const hex = groupIn.exec(flowMatch)?.[2];
  const group = hex === undefined ? undefined : marked(known.row(dashed(hex))?.row);
  if (group === undefined) return undefined;
  const [key, id] = group.type === "filter" ? ["photon:id", group.id] : ["photon:vpc", group.vpcId];
  return rowOf(known, "ACL", key, id, (row) => flowMatch.endsWith(`(${row.match})`));
}

function dashed(hex: string): string {
  return [
    [0, 8],
    [8, 12],
    [12, 16],
    [16, 20],
    [20, 32],
  ]
    .map(([from, to]) => hex.slice(from, to))
    .join("-");
}

const destinationIn = /\bip[46]\.dst == ([0-9a-f.:]+\/\d+)/;

/** The static route that a routing flow is of; undefined: a subnet's own. */
export function routeOf(
  known: Known,
  vpcId: string,
  flowMatch: string,
  actions: readonly string[],
): Marked | undefined {
  const prefix = destinationIn.exec(flowMatch)?.[1];
  const goes = ({ nexthop }: Row) =>
    nexthop === "discard" ? actions.includes("drop") : actions.some((action) => action.endsWith(` = ${nexthop}`));
  const fits = (row: Row) => row.ip_prefix === prefix && goes(row);
  return rowOf(known, "Logical_Router_Static_Route", "photon:vpc", vpcId, fits);
}

/** The policy that a router's policy flow is of. */
export function policyOf(known: Known, vpcId: string, flowMatch: string): Marked | undefined {
  return rowOf(known, "Logical_Router_Policy", "photon:vpc", vpcId, (row) => row.match === flowMatch);
}

/** The translation of an address: an elastic IP's, or the gateway's of all others. */
export function natOf(known: Known, vpcId: string, fits: (row: Row) => boolean): Marked | undefined {
  return rowOf(known, "NAT", "photon:vpc", vpcId, fits);
}

function rowOf(known: Known, table: Table, key: string, value: string, fits: (row: Row) => boolean) {
  return marked(known.rowsWith(table, key, value).find(({ row }) => fits(row))?.row);
}
