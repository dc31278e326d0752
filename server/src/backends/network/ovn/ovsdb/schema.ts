// A database's schema as its server tells it (RFC 7047, section 3.2): which tables and columns there are, and of what type.
import type { Value } from "./database.ts";
import { isObject, type Json, type JsonObject, objectOf, textOf } from "./json.ts";

export type AtomType = "integer" | "real" | "boolean" | "string" | "uuid";

/** How a column's values look: exactly one atom, none or one, any number, or pairs. */
export type Shape = "one" | "optional" | "set" | "map";

export interface Column {
  readonly shape: Shape;
  readonly key: AtomType;
  /** Of a map. */
  readonly value: AtomType | undefined;
  /** Whether a row's column may be changed after the insert. */
  readonly mutable: boolean;
  /** What the column holds when the server does not name it. */
  readonly initial: Value;
}

export interface Schema {
  readonly version: string;
  readonly tables: ReadonlyMap<string, ReadonlyMap<string, Column>>;
}

/** Reads the answer to `get_schema`. */
export function parseSchema(answer: Json): Schema {
  const { version, tables } = objectOf(answer);
  return { version: textOf(version), tables: mapValues(objectOf(tables), parseTable) };
}

function parseTable(table: Json): ReadonlyMap<string, Column> {
  return mapValues(objectOf(objectOf(table).columns), parseColumn);
}

function parseColumn(column: Json): Column {
  const { type, mutable } = objectOf(column);
  const full: JsonObject = isObject(type) ? type : { key: type ?? "string" };
  const key = atomTypeOf(full.key);
  const value = full.value === undefined ? undefined : atomTypeOf(full.value);
  const shape = shapeOf(full);
  return { shape, key, value, mutable: mutable !== false, initial: initialOf(shape, key) };
}

function shapeOf({ value, min, max }: JsonObject): Shape {
  if (value !== undefined) return "map";
  if (max !== undefined && max !== 1) return "set";
  return min === 0 ? "optional" : "one";
}

function atomTypeOf(type: Json | undefined): AtomType {
  const name = isObject(type) ? type.type : type;
  switch (name) {
    case "integer":
    case "real":
    case "boolean":
    case "uuid":
      return name;
    default:
      return "string";
  }
}

const noUuid = "00000000-0000-0000-0000-000000000000";
const initialAtoms = { integer: 0, real: 0, boolean: false, string: "", uuid: noUuid } as const;

function initialOf(shape: Shape, key: AtomType): Value {
  switch (shape) {
    case "one":
      return initialAtoms[key];
    case "optional":
      return undefined;
    case "set":
      return new Set();
    case "map":
      return new Map();
  }
}

function mapValues<T>(object: JsonObject, parse: (value: Json) => T): ReadonlyMap<string, T> {
  return new Map(Object.entries(object).map(([name, value]) => [name, parse(value)]));
}
