// Rows that keep a name for another object. A rule may name a group that is not there yet, or not any more; without the name a host can't read
// the rule, and says so in its log.
import type { FilterRule, FilterSpec, NetworkObjectId } from "../../driver.ts";
import { keyOf } from "../../topology.ts";
import type { Family } from "./checked.ts";
import { placeholderMarks } from "./external-ids.ts";
import { addressSetName, filterGroupName } from "./names.ts";
import type { Patch, View, WantedRow } from "./row.ts";
import { addressSetUuid, filterGroupUuid } from "./uuids.ts";

/** The object whose group or set a rule names, as one of its row's marks. */
export function namesOf(rule: FilterRule): { readonly names?: string } {
  const named = namedBy(rule);
  return named === undefined ? {} : { names: keyOf(named) };
}

function namedBy({ remote }: FilterRule): NetworkObjectId | undefined {
  if (remote.type === "group") return { type: "filter", id: remote.securityGroupId };
  return remote.type === "addresses" ? { type: "addresses", id: remote.addressGroupId } : undefined;
}

/** What must be there so that a filter's rules can be read. */
export function placeholdersOf(object: FilterSpec): WantedRow[] {
  const named = new Map(object.rules.flatMap((rule) => namedBy(rule) ?? []).map((other) => [keyOf(other), other]));
  named.delete(keyOf(object));
  return [...named.values()].flatMap(rowsFor);
}

/** What stays of an object that goes while a rule of another one names it: its name, empty. */
export function keptNames(object: NetworkObjectId, view: View): Patch[] {
  const key = keyOf(object);
  const others = view
    .rowsWith("ACL", "photon:names", key)
    .filter(({ row }) => row.external_ids instanceof Map && row.external_ids.get("photon:id") !== object.id);
  return others.length === 0 ? [] : rowsFor(object).map(({ table, uuid, columns }) => ({ table, uuid, columns }));
}

function rowsFor(object: NetworkObjectId): WantedRow[] {
  if (object.type === "filter") return [group(object.id)];
  return object.type === "addresses" ? [set(object.id, 4), set(object.id, 6)] : [];
}

function group(id: string): WantedRow {
  const columns = { name: filterGroupName(id), external_ids: placeholderMarks({ type: "filter", id }) };
  return { table: "Port_Group", uuid: filterGroupUuid(id), columns, memberOf: [], placeholder: true };
}

function set(id: string, family: Family): WantedRow {
  const marks = placeholderMarks({ type: "addresses", id });
  const columns = { name: addressSetName(id, family), addresses: new Set<string>(), external_ids: marks };
  return { table: "Address_Set", uuid: addressSetUuid(id, family), columns, memberOf: [], placeholder: true };
}
