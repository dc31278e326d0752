// Operations on the wire (RFC 7047, section 5.2), and what the server's answer to them means.
import { type Operation, OvsdbError, type Row, type Value } from "./database.ts";
import { isObject, type Json, type JsonObject, listOf, objectOf, textOf } from "./json.ts";
import type { Column, Schema } from "./schema.ts";
import { encode } from "./values.ts";

/** One operation on the wire, and why it is there. */
export interface WireOperation {
  readonly json: JsonObject;
  readonly of: Operation;
  /** "guard": that the row of an update or mutate is there. "count", "read": adding to a number, and reading it. */
  readonly role: "change" | "guard" | "expect" | "count" | "read";
}

/** What became of a transaction. */
export type Outcome =
  | { readonly type: "done"; readonly numbers: readonly number[] }
  /** Nothing was done, since an insert's UUID is there already. */
  | { readonly type: "duplicate"; readonly uuid: string }
  /** Nothing was done, since a row that was taken for there is not. */
  | { readonly type: "vanished"; readonly uuid: string }
  | { readonly type: "failed"; readonly error: OvsdbError };

/** Errors of a cluster member that has lost its leader or of a database that is being replaced: it may have happened or not. */
const passing = new Set(["cluster error", "canceled", "not leader"]);

export function isPassing(error: string): boolean {
  return passing.has(error);
}

/**
 * @param existing UUIDs of inserts whose row is there already: the row gets the columns instead.
 * @throws OvsdbError "refused" if a value does not fit its column.
 */
export function encodeTransaction(
  operations: readonly Operation[],
  schema: Schema,
  existing: ReadonlySet<string>,
): WireOperation[] {
  const sure = new Set<string>();
  const wire: WireOperation[] = [];
  for (const operation of operations) {
    if (operation.op === "increment") wire.push(...incrementOf(operation));
    else {
      const needed = needsRow(operation, existing);
      if (needed && !sure.has(operation.uuid)) wire.push(guardOf(operation));
      if (operation.op === "delete") sure.delete(operation.uuid);
      else if (needed || operation.op === "insert") sure.add(operation.uuid);
      wire.push(changeOf(operation, schema, existing));
    }
  }
  return wire;
}

type RowOperation = Exclude<Operation, { op: "increment" }>;

/** The server changes nothing and says nothing where the row is missing. Taking from a set of a row that is gone is as good as done. */
function needsRow(operation: RowOperation, existing: ReadonlySet<string>): boolean {
  switch (operation.op) {
    case "update":
      return true;
    case "insert":
      return existing.has(operation.uuid);
    case "mutate":
      return operation.insert !== undefined;
    case "delete":
    case "expect":
      return false;
  }
}

function rowIs(uuid: string): Json {
  return [["_uuid", "==", ["uuid", uuid]]];
}

function guardOf(of: RowOperation): WireOperation {
  const { table, uuid } = of;
  const json = { op: "wait", table, where: rowIs(uuid), columns: ["_uuid"], until: "!=", rows: [], timeout: 0 };
  return { json, of, role: "guard" };
}

function incrementOf(of: Extract<Operation, { op: "increment" }>): WireOperation[] {
  const { table, column } = of;
  return [
    { json: { op: "mutate", table, where: [], mutations: [[column, "+=", 1]] }, of, role: "count" },
    { json: { op: "select", table, where: [], columns: [column] }, of, role: "read" },
  ];
}

function changeOf(of: RowOperation, schema: Schema, existing: ReadonlySet<string>): WireOperation {
  const { table, uuid } = of;
  const where = rowIs(uuid);
  switch (of.op) {
    case "insert": {
      const there = existing.has(uuid);
      const row = encodeRow(of, of.row, schema, there);
      const json: JsonObject = there ? { op: "update", table, where, row } : { op: "insert", table, uuid, row };
      return { json, of, role: "change" };
    }
    case "update":
      return { json: { op: "update", table, where, row: encodeRow(of, of.row, schema) }, of, role: "change" };
    case "delete":
      return { json: { op: "delete", table, where }, of, role: "change" };
    case "mutate":
      return { json: { op: "mutate", table, where, mutations: mutationsOf(of, schema) }, of, role: "change" };
    case "expect": {
      const rows = [encodeRow(of, of.row, schema)];
      const json = { op: "wait", table, where, columns: Object.keys(of.row), until: "==", rows, timeout: 0 };
      return { json, of, role: "expect" };
    }
  }
}

/** @param changeable leave out what can't be changed after the insert */
function encodeRow(of: RowOperation, row: Row, schema: Schema, changeable = false): JsonObject {
  const wire: Record<string, Json> = {};
  for (const name in row) {
    const column = columnOf(of, name, schema);
    if (!changeable || column.mutable) wire[name] = encodeFor(of, name, row[name], column);
  }
  return wire;
}

/** Inserting into a map leaves a key that is there as it is, so it is taken out first. */
function mutationsOf(of: Extract<Operation, { op: "mutate" }>, schema: Schema): Json {
  const { column: name, insert, remove } = of;
  const column = columnOf(of, name, schema);
  const keys = [...(remove ?? []), ...(insert instanceof Map ? insert.keys() : [])];
  const out = encodeFor(of, name, new Set(keys), { ...column, shape: "set" });
  const taken = keys.length === 0 ? [] : [[name, "delete", out]];
  return insert === undefined ? taken : [...taken, [name, "insert", encodeFor(of, name, insert, column)]];
}

function columnOf(of: RowOperation, name: string, schema: Schema): Column {
  const column = schema.tables.get(of.table)?.get(name);
  if (column === undefined)
    throw refused(of, `the server (schema ${schema.version}) has no column ${of.table}.${name}`);
  return column;
}

function encodeFor(of: RowOperation, name: string, value: Value, column: Column): Json {
  try {
    return encode(value, column);
  } catch (cause) {
    throw refused(of, `${of.table}.${name}: ${cause instanceof Error ? cause.message : "bad value"}`);
  }
}

/** Looks at every element of the answer, and at the one more that tells of a failed commit. */
export function outcomeOf(sent: readonly WireOperation[], answer: Json): Outcome {
  const results = listOf(answer);
  const failed = results.findIndex((result) => isObject(result) && result.error !== undefined);
  if (failed >= 0) return failureOf(sent[failed], objectOf(results[failed]));
  if (results.length < sent.length)
    return { type: "failed", error: new OvsdbError("refused", "the server left operations unanswered") };
  const numbers = sent.flatMap(({ role, of }, index) => (role === "read" ? [numberOf(of, results[index])] : []));
  const none = numbers.indexOf(undefined);
  if (none < 0) return { type: "done", numbers: numbers.filter((value) => value !== undefined) };
  return {
    type: "failed",
    error: new OvsdbError("refused", "there is not exactly one row whose number can be raised"),
  };
}

function numberOf(of: Operation, result: Json | undefined): number | undefined {
  const [row, second] = listOf(objectOf(result).rows);
  const value = of.op === "increment" && second === undefined ? objectOf(row)[of.column] : undefined;
  return typeof value === "number" ? value : undefined;
}

function failureOf(wire: WireOperation | undefined, result: JsonObject): Outcome {
  const error = textOf(result.error);
  const said = [error, textOf(result.details)].filter((text) => text !== "").join(": ");
  if (isPassing(error)) return { type: "failed", error: new OvsdbError("disconnected", said) };
  if (wire === undefined) return { type: "failed", error: new OvsdbError("refused", said) };
  const { of, role } = wire;
  if (of.op === "insert" && error === "duplicate uuid") return { type: "duplicate", uuid: of.uuid };
  if (of.op === "insert" && role === "guard") return { type: "vanished", uuid: of.uuid };
  if (role === "guard") return { type: "failed", error: refused(of, "there is no such row") };
  if (role === "expect" && error === "timed out")
    return { type: "failed", error: refused(of, "the row is not as expected") };
  return { type: "failed", error: refused(of, said) };
}

function refused(of: Operation, why: string): OvsdbError {
  const row = of.op === "increment" ? `${of.table}.${of.column}` : `${of.table} ${of.uuid}`;
  return new OvsdbError("refused", `${of.op} ${row}: ${why}`);
}
