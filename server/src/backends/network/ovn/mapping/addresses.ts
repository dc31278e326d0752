// An address group: a set for each family.
import type { AddressSetSpec } from "../../driver.ts";
import { type Family, ofFamily } from "./checked.ts";
import { mainMarksOf, marksOf, placeholderMarks } from "./external-ids.ts";
import { addressSetName } from "./names.ts";
import type { Compiled, WantedRow } from "./row.ts";
import { rowUuid } from "./uuids.ts";

export function compileAddresses(object: AddressSetSpec): Compiled {
  const set = (family: Family, marks: WantedRow["columns"][string]): WantedRow => ({
    table: "Address_Set",
    uuid: setUuid(object.id, family),
    columns: {
      name: addressSetName(object.id, family),
      addresses: new Set(ofFamily(object.cidrs, family)),
      external_ids: marks,
    },
    memberOf: [],
  });
  return { rows: [set(4, mainMarksOf(object)), set(6, marksOf(object))], patches: [] };
}

function setUuid(id: string, family: Family): string {
  return rowUuid({ type: "addresses", id }, family === 4 ? "" : "v6");
}

/** An empty set that keeps the name, for rules that name it before it is there. */
export function placeholderSet(id: string, family: Family): WantedRow {
  return {
    table: "Address_Set",
    uuid: setUuid(id, family),
    columns: {
      name: addressSetName(id, family),
      addresses: new Set(),
      external_ids: placeholderMarks({ type: "addresses", id }),
    },
    memberOf: [],
    placeholder: true,
  };
}
