// The live copy of the tables that were asked for: takes the server's snapshots and updates, tells what they changed.
import type { Atom, MonitoredTable, Row, RowChange, Value } from "./database.ts";
import { isObject, type Json, type JsonObject, objectOf } from "./json.ts";
import type { Column, Schema } from "./schema.ts";
import { decode, isOnWire, patched, sameValue } from "./values.ts";

/** A change before it is known whose it is. */
export type Change = Omit<RowChange, "own">;

interface Table {
  readonly columns: ReadonlyMap<string, Column>;
  /** What a new row holds: the server leaves out what is at its default. */
  readonly initial: Row;
  readonly rows: Map<string, Row>;
}

const noColumns: ReadonlyMap<string, Column> = new Map();

/** The id of no transaction: everything is wanted. */
const noTransaction = "00000000-0000-0000-0000-000000000000";

export class Replica {
  readonly #monitor: Readonly<Record<string, MonitoredTable>>;
  readonly #written: (uuid: string) => Row | undefined;
  #tables = new Map<string, Table>();
  #version = "";
  #last = noTransaction;

  /** @param written the row of an insert that is under way: what the server says of it need not be made once more */
  constructor(
    monitor: Readonly<Record<string, MonitoredTable>>,
    written: (uuid: string) => Row | undefined = () => undefined,
  ) {
    this.#monitor = monitor;
    this.#written = written;
  }

  rows(table: string): ReadonlyMap<string, Row> {
    return this.#tables.get(table)?.rows ?? new Map();
  }

  /** The last transaction that is in the copy. */
  get last(): string {
    return this.#last;
  }

  /** Takes a schema. Where it is another than before there are other columns too, so that nothing can be built upon: rows stay until the next snapshot. */
  use(schema: Schema): void {
    if (schema.version !== this.#version) this.#last = noTransaction;
    this.#version = schema.version;
    const tables = Object.entries(this.#monitor).map(([name, { columns }]): [string, Table] => {
      const known = schema.tables.get(name) ?? noColumns;
      const wanted = new Map([...known].filter(([column]) => columns.includes(column)));
      const initial = Object.fromEntries([...wanted].map(([column, { initial: value }]) => [column, value]));
      return [name, { columns: wanted, initial, rows: this.#tables.get(name)?.rows ?? new Map() }];
    });
    this.#tables = new Map(tables);
  }

  /** What to ask the server for: the parameters of `monitor_cond_since`. */
  requests(schema: Schema): JsonObject {
    const asked = Object.entries(this.#monitor).flatMap(([name, { where }]) => {
      const columns = [...(this.#tables.get(name)?.columns.keys() ?? [])];
      if (columns.length === 0) return [];
      const conditional = where !== undefined && schema.tables.get(name)?.has(where.column) === true;
      return [[name, [conditional ? { columns, where: conditionOf(where) } : { columns }]]];
    });
    return Object.fromEntries(asked);
  }

  /** Takes changes since the last ones. */
  update(updates: Json, last: string): Change[] {
    this.#last = last;
    const changes: Change[] = [];
    for (const { table, uuid, change } of eachRow(updates)) {
      const target = this.#tables.get(table);
      if (target === undefined) continue;
      const { row, moved } = after(target, uuid, change, this.#written);
      put(target, { table, uuid, before: target.rows.get(uuid), after: row, ...(moved && { moved }) }, changes);
    }
    return changes;
  }

  /** Takes everything anew; what is as before is no change. */
  reset(updates: Json, last: string): Change[] {
    const present = new Map<string, Set<string>>();
    for (const { table, uuid } of eachRow(updates)) present.set(table, (present.get(table) ?? new Set()).add(uuid));
    const gone: Change[] = [];
    for (const [name, table] of this.#tables)
      for (const [uuid, before] of table.rows)
        if (present.get(name)?.has(uuid) !== true) put(table, { table: name, uuid, before, after: undefined }, gone);
    return [...gone, ...this.update(updates, last)];
  }
}

function conditionOf({ column, includes }: NonNullable<MonitoredTable["where"]>): Json {
  return [[column, "includes", ["map", Object.entries(includes)]]];
}

function* eachRow(updates: Json): Generator<{ table: string; uuid: string; change: JsonObject }> {
  for (const [table, rows] of Object.entries(objectOf(updates)))
    for (const [uuid, change] of Object.entries(objectOf(rows))) yield { table, uuid, change: objectOf(change) };
}

interface Changed {
  /** Undefined: it is gone. */
  readonly row: Row | undefined;
  readonly moved?: Change["moved"];
}

/** The row after a change of the form of `update2` (ovsdb-server(7)). */
function after(table: Table, uuid: string, change: JsonObject, written: (uuid: string) => Row | undefined): Changed {
  const whole = change.initial ?? change.insert;
  if (isObject(whole)) return { row: wholeRow(table, whole, written(uuid)) };
  if (!isObject(change.modify)) return { row: undefined };
  return modified(table.rows.get(uuid) ?? table.initial, table, change.modify);
}

function wholeRow(table: Table, wire: JsonObject, written: Row | undefined): Row {
  if (written !== undefined && says(wire, written, table)) return { ...table.initial, ...written };
  const row: Record<string, Value> = { ...table.initial };
  for (const name in wire) {
    const [column, value] = [table.columns.get(name), wire[name]];
    if (column !== undefined && value !== undefined) row[name] = decode(value, column);
  }
  return row;
}

/** Whether the wire says just what was written. */
function says(wire: JsonObject, written: Row, { columns, initial }: Table): boolean {
  for (const name in wire) {
    const [column, value] = [columns.get(name), wire[name]];
    if (column === undefined || value === undefined) continue;
    if (!isOnWire(name in written ? written[name] : initial[name], value, column)) return false;
  }
  for (const name in written)
    if (!(name in wire) && !(columns.has(name) && sameValue(written[name], initial[name]))) return false;
  return true;
}

function modified(before: Row, table: Table, wire: JsonObject): Changed {
  const row: Record<string, Value> = { ...before };
  const moved: Record<string, ReadonlySet<Atom>> = {};
  for (const name in wire) {
    const [column, value] = [table.columns.get(name), wire[name]];
    if (column === undefined || value === undefined) continue;
    const difference = decode(value, column);
    row[name] = patched(row[name], difference);
    if (difference instanceof Set) moved[name] = difference;
  }
  return { row, moved };
}

/** Notes a row, and the change if it is one. */
function put({ rows }: Table, change: Change, changes: Change[]): void {
  const { uuid, before, after: row } = change;
  if (before === row || (before !== undefined && row !== undefined && sameRow(before, row))) return;
  if (row === undefined) rows.delete(uuid);
  else rows.set(uuid, row);
  changes.push(change);
}

function sameRow(a: Row, b: Row): boolean {
  return changedColumns(a, b).length === 0;
}

/** The columns in which two rows of a table differ. */
export function changedColumns(a: Row, b: Row): string[] {
  const changed: string[] = [];
  for (const name in b) if (!(name in a) || !sameValue(a[name], b[name])) changed.push(name);
  for (const name in a) if (!(name in b)) changed.push(name);
  return changed;
}
