// Reads the columns of a row, checking that each is of the type that the schema says.
import type { Amounts, Phase, ResourceKey, ResourceRow } from "../store.ts";
import type { Row } from "./script.ts";

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === "string") return value;
  throw wrongType(column, "text", value);
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value === "number") return value;
  throw wrongType(column, "an integer", value);
}

export function optionalInteger(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : integer(row, column);
}

/** A plain Uint8Array, also where the client answers a Buffer. */
export function bytes(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (Buffer.isBuffer(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof Uint8Array) return value;
  throw wrongType(column, "bytes", value);
}

/** Read as text. Undefined: the column is empty. */
export function amounts(row: Row, column: string): Amounts | undefined {
  if (row[column] === null) return undefined;
  const value: unknown = JSON.parse(text(row, column));
  if (typeof value !== "object" || value === null) throw wrongType(column, "numbers by name", value);
  return Object.fromEntries(Object.entries(value).map(([name, amount]) => [name, Number(amount)]));
}

/** The key in the columns kind, org, project and id, each behind a prefix. */
export function resourceKey(row: Row, prefix = ""): ResourceKey {
  return {
    tenant: { org: text(row, `${prefix}org`), project: text(row, `${prefix}project`) },
    kind: text(row, `${prefix}kind`),
    id: text(row, `${prefix}id`),
  };
}

export function resourceRow(row: Row): ResourceRow {
  return {
    ...resourceKey(row),
    name: text(row, "name"),
    phase: phase(row),
    version: integer(row, "version"),
    data: bytes(row, "data"),
    observed: bytes(row, "observed"),
    secret: bytes(row, "secret"),
    createdAt: integer(row, "created_at"),
    updatedAt: integer(row, "updated_at"),
  };
}

export function phase(row: Row): Phase {
  const value = row.phase;
  if (value === "live" || value === "deleting") return value;
  throw wrongType("phase", "a phase", value);
}

function wrongType(column: string, wanted: string, value: unknown): TypeError {
  return new TypeError(`column ${column} should hold ${wanted}, not ${typeof value}`);
}
