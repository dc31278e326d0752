// The live copy of the tables that were asked for: takes the server's snapshots and updates, tells what they changed.
import type { MonitoredTable, Row, RowChange, Value } from "./database.ts";
import { isObject, type Json, type JsonObject, objectOf } from "./json.ts";
import type { Column, Schema } from "./schema.ts";
import { decode, patched, sameValue } from "./values.ts";

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
  #tables = new Map<string, Table>();
  #version = "";
  #last = noTransaction;

  constructor(monitor: Readonly<Record<string, MonitoredTable>>) {
    this.#monitor = monitor;
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
      if (target !== undefined) put(target, table, uuid, after(target, uuid, change), changes);
    }
    return changes;
  }

  /** Takes everything anew; what is as before is no change. */
  reset(updates: Json, last: string): Change[] {
    const present = new Map<string, Set<string>>();
    for (const { table, uuid } of eachRow(updates)) present.set(table, (present.get(table) ?? new Set()).add(uuid));
    const gone: Change[] = [];
    for (const [name, table] of this.#tables)
      for (const uuid of table.rows.keys())
        if (present.get(name)?.has(uuid) !== true) put(table, name, uuid, undefined, gone);
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

/** The row after a change of the form of `update2` (ovsdb-server(7)); undefined: it is gone. */
function after(table: Table, uuid: string, change: JsonObject): Row | undefined {
  const whole = change.initial ?? change.insert;
  if (isObject(whole)) return decodeInto({ ...table.initial }, table, whole, false);
  if (!isObject(change.modify)) return undefined;
  return decodeInto({ ...(table.rows.get(uuid) ?? table.initial) }, table, change.modify, true);
}

function decodeInto(row: Record<string, Value>, table: Table, wire: JsonObject, differences: boolean): Row {
  for (const name in wire) {
    const [column, value] = [table.columns.get(name), wire[name]];
    if (column === undefined || value === undefined) continue;
    const decoded = decode(value, column);
    row[name] = differences ? patched(row[name], decoded) : decoded;
  }
  return row;
}

/** Notes a row, and the change if it is one. */
function put(target: Table, table: string, uuid: string, row: Row | undefined, changes: Change[]): void {
  const before = target.rows.get(uuid);
  if (before === row || (before !== undefined && row !== undefined && sameRow(before, row))) return;
  if (row === undefined) target.rows.delete(uuid);
  else target.rows.set(uuid, row);
  changes.push({ table, uuid, before, after: row });
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
