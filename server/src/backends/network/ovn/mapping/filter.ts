// A security group: a row that says that it is there and what its rules are, and its rows in each VPC where it has ports.
import type { FilterSpec } from "../../driver.ts";
import { idIn } from "../marks.ts";
import { mainMarksOf } from "./external-ids.ts";
import { type Place, rowsInPlace } from "./filter-place.ts";
import { keptRules } from "./filter-rules.ts";
import { filterName } from "./names.ts";
import type { Compiled, View, WantedRow } from "./row.ts";
import { rowUuid } from "./uuids.ts";

export function compileFilter(object: FilterSpec, view: View): Compiled {
  const main: WantedRow = {
    table: "Port_Group",
    uuid: rowUuid(object),
    columns: { name: filterName(object.id), external_ids: mainMarksOf(object, { rules: keptRules(object.rules) }) },
    memberOf: [],
  };
  const places = vpcsOf(object.id, view).map((vpcId): Place => ({ filter: object, vpcId }));
  const unique = new Map(places.flatMap((place) => rowsInPlace(place, view)).map((row) => [row.uuid, row]));
  return { rows: [main, ...unique.values()], patches: [] };
}

/** Where a filter has rows: its ports have brought them there. */
function vpcsOf(id: string, view: View): readonly string[] {
  const rows = (["Port_Group", "ACL"] as const).flatMap((table) => view.rowsWith(table, "photon:id", id));
  const vpcs = rows
    .filter(({ row }) => idIn(row, "photon:type") === "filter")
    .flatMap(({ row }) => idIn(row, "photon:vpc") ?? []);
  return [...new Set(vpcs)].sort();
}
