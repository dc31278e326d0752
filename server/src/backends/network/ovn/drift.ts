// What a change of the copy that we did not make means for our objects.
import type { NetworkChange } from "../driver.ts";
import type { TableChange } from "./copy.ts";
import type { Holdings } from "./holdings.ts";
import type { Table } from "./mapping/row.ts";
import { tables } from "./mapping/tables.ts";
import { idIn, isOurs, markOf, objectOf } from "./marks.ts";
import { moves } from "./memberships.ts";
import type { Row } from "./ovsdb/database.ts";
import { sameValue } from "./ovsdb/values.ts";

/** A port that came up or went down. */
export function statusOf({ table, before, after }: TableChange): NetworkChange | undefined {
  if (table !== "Logical_Switch_Port" || before === undefined || after === undefined) return undefined;
  if ((before.up === true) === (after.up === true) || idIn(after, "photon:type") !== "port") return undefined;
  return changeOf(after, "status");
}

/** Whose rows or memberships a change of others touched or took away. `holdings` are as before the change, and know what is under way. */
export function* driftOf(change: TableChange, holdings: Holdings): Generator<NetworkChange> {
  const { table, uuid, before, after } = change;
  if (before === undefined) return;
  const held = holdings.row(uuid);
  const drifted = held !== undefined && (after === undefined || differs(table, before, after, held.row));
  const told = drifted ? changeOf(before, "drift") : undefined;
  if (told !== undefined) yield told;
  // Sets of a row that lost its mark are out of sight until it has it again.
  if (after !== undefined && !isOurs(after)) return;
  for (const { member, set, joined } of moves(change)) {
    const row = holdings.memberships.has(member, set.uuid) === joined ? undefined : holdings.row(member)?.row;
    const ofMember = row === undefined ? undefined : changeOf(row, "drift");
    if (ofMember !== undefined) yield ofMember;
  }
}

/** Whether a column of ours has changed into something that we do not mean it to be. */
function differs(table: Table, before: Row, after: Row, meant: Row): boolean {
  return tables[table].managed.some(
    (name) => !sameValue(before[name], after[name]) && !sameValue(after[name], meant[name]),
  );
}

function changeOf(row: Row, what: NetworkChange["what"]): NetworkChange | undefined {
  const object = objectOf(markOf(row)?.key ?? "");
  return object === undefined ? undefined : { ...object, owner: idIn(row, "photon:tenant") ?? "", what };
}
