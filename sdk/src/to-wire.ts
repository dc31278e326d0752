// Turns what a user gives (plain objects, short enum words, Dates, bigints) into Protobuf JSON, by the catalog's field types.
import { enumNumber, type Field, type FieldType } from "@photoncloud/proto";
import { invalidInput } from "./errors.ts";
import { isObject, type Json, type JsonObject } from "./values.ts";

/** How objects are read: `update` takes null for "clear it" and leaves such a field out of the message. */
export interface ToWireOptions {
  readonly update?: boolean;
}

function wrong(path: string, allowed: string, value: unknown): never {
  const given = value === null ? "null" : Array.isArray(value) ? "an array" : typeof value;
  throw invalidInput(path, "type", `${given} was given; ${allowed} is wanted`);
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

function timestamp(value: unknown, path: string): string {
  const date = value instanceof Date ? value : typeof value === "string" ? new Date(value) : undefined;
  if (date === undefined || Number.isNaN(date.getTime()))
    return wrong(path, 'a Date or an ISO 8601 string ("2026-01-31T12:00:00Z")', value);
  return typeof value === "string" && /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(value)
    ? value
    : date.toISOString();
}

function integer64(value: unknown, path: string): string {
  if (typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value))) return value.toString();
  return wrong(path, "a bigint or a whole number that a double holds exactly", value);
}

function enumName(type: FieldType & { type: "enum" }, value: unknown, path: string): string {
  const number = typeof value === "string" ? enumNumber(type.desc, value) : undefined;
  const found = type.desc.values.find((candidate) => candidate.number === number);
  if (found !== undefined) return found.name;
  const words = type.desc.values
    .filter((v) => v.number !== 0)
    .map((v) => v.name.slice((type.desc.sharedPrefix ?? "").length).toLowerCase());
  throw invalidInput(path, "enum", `${JSON.stringify(value)} was given; allowed: ${words.join(", ")}`);
}

function scalar(type: FieldType["type"], value: unknown, path: string): Json {
  switch (type) {
    case "string":
      return typeof value === "string" ? value : wrong(path, "a string", value);
    case "bool":
      return typeof value === "boolean" ? value : wrong(path, "true or false", value);
    case "int32":
      return typeof value === "number" && Number.isInteger(value) ? value : wrong(path, "a whole number", value);
    case "float":
      if (typeof value !== "number") return wrong(path, "a number", value);
      return Number.isFinite(value) ? value : String(value);
    case "int64":
      return integer64(value, path);
    case "bytes":
      return value instanceof Uint8Array ? base64(value) : wrong(path, "a Uint8Array", value);
    case "timestamp":
      return timestamp(value, path);
    default:
      return typeof value === "string" && /^-?\d+(\.\d{1,9})?s$/.test(value)
        ? value
        : wrong(path, 'seconds with an "s" ("90s")', value);
  }
}

/** One value of a field's type as Protobuf JSON. `path` is in the proto's names, for the error. */
export function valueToWire(type: FieldType, value: unknown, path: string, options: ToWireOptions = {}): Json {
  switch (type.type) {
    case "enum":
      return enumName(type, value, path);
    case "message":
      return messageToWire(type.fields, value, path, options);
    case "list":
      if (!Array.isArray(value)) return wrong(path, "an array", value);
      return value.map((item, index) => valueToWire(type.of, item, `${path}[${index}]`));
    case "map":
      if (!isObject(value)) return wrong(path, "an object", value);
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [
          key,
          valueToWire(type.of, item, `${path}[${JSON.stringify(key)}]`),
        ]),
      );
    default:
      return scalar(type.type, value, path);
  }
}

function checkOneof(field: Field, seen: Map<unknown, Field>, path: string): void {
  if (field.oneof === undefined) return;
  const other = seen.get(field.oneof);
  if (other !== undefined)
    throw invalidInput(path, "oneof", `${other.localName} is given too; give at most one of ${field.oneof.name}`);
  seen.set(field.oneof, field);
}

/**
 * A message as Protobuf JSON. Properties that are undefined count as not given.
 *
 * @throws PhotonError invalid_argument on a property that the message does not have, or a value of another type.
 */
export function messageToWire(
  fields: readonly Field[],
  value: unknown,
  path = "",
  options: ToWireOptions = {},
): JsonObject {
  if (!isObject(value)) return wrong(path === "" ? "input" : path, "an object", value);
  const wire: JsonObject = {};
  const oneofs = new Map<unknown, Field>();
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue;
    const field = fields.find((candidate) => candidate.localName === key);
    const at = `${path === "" ? "" : `${path}.`}${field?.name ?? key}`;
    if (field === undefined)
      throw invalidInput(
        at,
        "unknown",
        `there is no such field; there are: ${fields.map((f) => f.localName).join(", ")}`,
      );
    if (item === null && options.update === true) continue;
    checkOneof(field, oneofs, at);
    wire[key] = valueToWire(field.type, item, at, options);
  }
  return wire;
}
