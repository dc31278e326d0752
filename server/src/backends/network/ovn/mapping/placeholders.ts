// Rows that keep a name for another object. A rule may name a group that is not there yet, or not any more; without the name a host can't read
// the rule, and says so in its log.
import type { FilterRule, NetworkObjectId } from "../../driver.ts";
import { keyOf } from "../../topology.ts";
import { idIn } from "../marks.ts";
import type { Family } from "./checked.ts";
import { placeholderMarks } from "./external-ids.ts";
import { addressSetName, filterGroupName } from "./names.ts";
import type { Patch, View, WantedRow } from "./row.ts";
import { addressSetUuid, filterGroupUuid } from "./uuids.ts";

/** The object whose group or set a rule names, as one of its row's marks. */
export function namesOf({ remote }: FilterRule): { readonly names?: string } {
  if (remote.type === "group") return { names: keyOf({ type: "filter", id: remote.securityGroupId }) };
  return remote.type === "addresses" ? { names: keyOf({ type: "addresses", id: remote.addressGroupId }) } : {};
}

/** What stays of an object that goes while a rule of another one names it: its names, empty. */
export function keptNames(object: NetworkObjectId, view: View): Patch[] {
  const others = view
    .rowsWith("ACL", "photon:names", keyOf(object))
    .filter(({ row }) => idIn(row, "photon:id") !== object.id);
  return others.length === 0 ? [] : rowsFor(object, view).map(({ table, uuid, columns }) => ({ table, uuid, columns }));
}

function rowsFor({ type, id }: NetworkObjectId, view: View): readonly WantedRow[] {
  if (type === "addresses") return setPlaceholders(id);
  if (type !== "filter") return [];
  const groups = view.rowsWith("Port_Group", "photon:id", id).flatMap(({ row }) => idIn(row, "photon:vpc") ?? []);
  return groups.map((vpcId) => groupPlaceholder(id, vpcId));
}

/** The name of a filter's ports in a VPC. */
export function groupPlaceholder(id: string, vpcId: string): WantedRow {
  const marks = placeholderMarks({ type: "filter", id }, vpcId);
  const columns = { name: filterGroupName(id, vpcId), external_ids: marks };
  return { table: "Port_Group", uuid: filterGroupUuid(id, vpcId), columns, memberOf: [], placeholder: true };
}

/** The names of an address group's networks. */
export function setPlaceholders(id: string): readonly WantedRow[] {
  return ([4, 6] as const).map((family) => set(id, family));
}

function set(id: string, family: Family): WantedRow {
  const marks = placeholderMarks({ type: "addresses", id });
  const columns = { name: addressSetName(id, family), addresses: new Set<string>(), external_ids: marks };
  return { table: "Address_Set", uuid: addressSetUuid(id, family), columns, memberOf: [], placeholder: true };
}
