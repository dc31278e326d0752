// Keeps the holdings in step with the copy of the Northbound.
import { Holdings } from "./holdings.ts";
import type { Table } from "./mapping/row.ts";
import { tableNames } from "./mapping/tables.ts";
import { moves } from "./memberships.ts";
import type { Database, RowChange } from "./ovsdb/database.ts";

/** A change of a row of a table that we write. */
export type TableChange = RowChange & { readonly table: Table };

const ours: ReadonlySet<string> = new Set(tableNames);

export function isOfTable(change: RowChange): change is TableChange {
  return ours.has(change.table);
}

/** What a copy holds now. */
export function holdingsOf(database: Database): Holdings {
  const holdings = new Holdings((table, column) => database.has(table, column));
  for (const table of tableNames)
    for (const [uuid, row] of database.rows(table))
      enter({ table, uuid, before: undefined, after: row, own: false }, holdings);
  return holdings;
}

export function enter(change: TableChange, holdings: Holdings): void {
  holdings.put(change.table, change.uuid, change.after);
  for (const { member, set, joined } of moves(change)) {
    if (joined) holdings.memberships.join(member, set);
    else holdings.memberships.leave(member, set.uuid);
  }
}
