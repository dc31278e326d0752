// An address group: a set for each family.
import type { AddressSetSpec } from "../../driver.ts";
import { type Family, ofFamily } from "./checked.ts";
import { mainMarksOf, marksOf } from "./external-ids.ts";
import { addressSetName } from "./names.ts";
import type { Compiled, WantedRow } from "./row.ts";
import { addressSetUuid } from "./uuids.ts";

export function compileAddresses(object: AddressSetSpec): Compiled {
  const set = (family: Family, marks: WantedRow["columns"][string]): WantedRow => ({
    table: "Address_Set",
    uuid: addressSetUuid(object.id, family),
    columns: {
      name: addressSetName(object.id, family),
      addresses: new Set(ofFamily(object.cidrs, family)),
      external_ids: marks,
    },
    memberOf: [],
  });
  return { rows: [set(4, mainMarksOf(object)), set(6, marksOf(object))], patches: [] };
}
