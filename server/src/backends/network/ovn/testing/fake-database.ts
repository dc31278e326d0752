// An OVSDB database in memory, for unit tests: it takes transactions whole or not at all, and drops what lives in sets and is in none. It
// knows no schema: a row holds what was written.
import { Listeners } from "../../../listeners.ts";
import { homesOf } from "../mapping/members.ts";
import { tableNames } from "../mapping/tables.ts";
import {
  type Database,
  type Operation,
  OvsdbError,
  type OvsdbReason,
  type Row,
  type RowChange,
  type Value,
} from "../ovsdb/database.ts";

type Tables = Map<string, Map<string, Row>>;

export class FakeDatabase implements Database {
  readonly version = "7.0.0";
  connected = true;
  /** What was sent, in order, with what was refused. */
  readonly sent: (readonly Operation[])[] = [];
  /** Says why a transaction does not happen. Default: all happen. */
  refuse: (operations: readonly Operation[]) => OvsdbReason | undefined = () => undefined;
  #tables: Tables = new Map();
  readonly #changes = new Listeners<readonly RowChange[]>();
  readonly #reconnects = new Listeners<{ readonly whole: boolean }>();

  has(): boolean {
    return true;
  }

  row(table: string, uuid: string): Row | undefined {
    return this.#tables.get(table)?.get(uuid);
  }

  rows(table: string): ReadonlyMap<string, Row> {
    return this.#tables.get(table) ?? new Map();
  }

  /** Answers a turn of the event loop later, as a server would. */
  async transact(operations: readonly Operation[], signal?: AbortSignal): Promise<readonly number[]> {
    this.sent.push(operations);
    await new Promise((resolve) => setImmediate(resolve));
    if (signal?.aborted) throw new OvsdbError("closed", "aborted");
    const reason = this.refuse(operations);
    if (reason !== undefined) throw new OvsdbError(reason, "as the test says");
    return this.#commit(operations, true);
  }

  /** What somebody else does. */
  byHand(...operations: readonly Operation[]): void {
    this.#commit(operations, false);
  }

  /** The connection comes back; `whole`: with an empty database. */
  reconnect(whole = false): void {
    this.connected = true;
    if (whole) this.#replace(new Map(), false);
    this.#reconnects.tell({ whole });
  }

  onChange(listener: (changes: readonly RowChange[]) => void): () => void {
    return this.#changes.add(listener);
  }

  onReconnect(listener: (event: { readonly whole: boolean }) => void): () => void {
    return this.#reconnects.add(listener);
  }

  async until<T>(condition: (database: Database) => T | undefined, signal: AbortSignal): Promise<T> {
    for (;;) {
      const found = condition(this);
      if (found !== undefined) return found;
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
    }
  }

  async close(): Promise<void> {}

  #commit(operations: readonly Operation[], own: boolean): readonly number[] {
    const tables: Tables = new Map([...this.#tables].map(([name, rows]) => [name, new Map(rows)]));
    const numbers = operations.flatMap((operation) => apply(operation, rowsOf(tables, operation.table)));
    collectGarbage(tables);
    this.#replace(tables, own);
    return numbers;
  }

  #replace(tables: Tables, own: boolean): void {
    const before = this.#tables;
    this.#tables = tables;
    const names = new Set([...before.keys(), ...tables.keys()]);
    this.#changes.tell([...names].flatMap((table) => changesOf(table, before.get(table), tables.get(table), own)));
  }
}

function rowsOf(tables: Tables, name: string): Map<string, Row> {
  const rows = tables.get(name) ?? new Map<string, Row>();
  tables.set(name, rows);
  return rows;
}

function apply(operation: Operation, rows: Map<string, Row>): number[] {
  if (operation.op === "increment") return increment(operation.column, rows);
  const { op, table, uuid } = operation;
  const row = rows.get(uuid);
  if (op === "insert" && row === undefined) rows.set(uuid, operation.row);
  else if (op === "insert") throw new OvsdbError("refused", `duplicate uuid in ${table}`);
  else if (op === "delete") rows.delete(uuid);
  else if (row === undefined) throw new OvsdbError("refused", `there is no ${table} ${uuid}`);
  else if (op === "update") rows.set(uuid, { ...row, ...operation.row });
  else if (op === "mutate") rows.set(uuid, { ...row, [operation.column]: mutated(row[operation.column], operation) });
  return [];
}

function increment(column: string, rows: Map<string, Row>): number[] {
  return [...rows].map(([uuid, row]) => {
    const number = Number(row[column]) + 1;
    rows.set(uuid, { ...row, [column]: number });
    return number;
  });
}

function mutated(value: Value, { insert, remove }: Extract<Operation, { op: "mutate" }>): Value {
  if (insert instanceof Map) return new Map([...(value instanceof Map ? value : []), ...insert]);
  const members = new Set(value instanceof Set ? value : []);
  for (const member of remove ?? []) members.delete(member);
  for (const member of insert?.keys() ?? []) members.add(member);
  return members;
}

function changesOf(
  table: string,
  before: ReadonlyMap<string, Row> = new Map(),
  after: ReadonlyMap<string, Row> = new Map(),
  own: boolean,
): RowChange[] {
  const uuids = new Set([...before.keys(), ...after.keys()]);
  return [...uuids]
    .map((uuid) => ({ table, uuid, before: before.get(uuid), after: after.get(uuid), own }))
    .filter((change) => change.before !== change.after);
}

/** Rows that live in sets go when they are in none. A row in a group of ports alone counts as held, which a real server does not. */
function collectGarbage(tables: Tables): void {
  for (const table of tableNames) {
    const homes = homesOf(table);
    if (homes.length === 0) continue;
    const held = new Set(homes.flatMap((home) => membersIn(rowsOf(tables, home.table), home.column)));
    for (const uuid of rowsOf(tables, table).keys()) if (!held.has(uuid)) rowsOf(tables, table).delete(uuid);
  }
}

function membersIn(rows: ReadonlyMap<string, Row>, column: string): Value[] {
  return [...rows.values()].flatMap((row) => {
    const set = row[column];
    return set instanceof Set ? [...set] : [];
  });
}
