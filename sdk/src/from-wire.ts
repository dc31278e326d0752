// Turns Protobuf JSON into what a user gets: plain objects with every field that the types promise.
import { elementType, enumShortName, type Field, type FieldType } from "@photoncloud/proto";
import { isObject, type JsonObject } from "./values.ts";

/** How answers are made: `sparse` leaves out what is not on the wire (a plan does not know everything). */
export interface FromWireOptions {
  readonly sparse?: boolean;
}

/** Where Node's util.inspect looks for an object's own way to be shown; a registered symbol, so that browsers have it too. */
export const inspectSymbol: unique symbol = Symbol.for("nodejs.util.inspect.custom") as never;

function hide(target: object, key: PropertyKey, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: false, configurable: true, writable: true });
}

function bytesFrom(text: string): Uint8Array {
  const standard = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(standard), (letter) => letter.charCodeAt(0));
}

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

function enumWord(type: FieldType & { type: "enum" }, wire: unknown): string {
  const value = type.desc.values.find((candidate) => candidate.name === wire || candidate.number === wire);
  if (value !== undefined) return enumShortName(type.desc, value.number) ?? "";
  const prefix = type.desc.sharedPrefix?.toUpperCase() ?? "";
  const text = String(wire);
  return (text.startsWith(prefix) ? text.slice(prefix.length) : text).toLowerCase();
}

/** One value; a value of a newer cloud that this SDK does not know is passed on as it came. */
export function valueFromWire(type: FieldType, wire: unknown, options: FromWireOptions = {}): unknown {
  switch (type.type) {
    case "enum":
      return enumWord(type, wire);
    case "message":
      return messageFromWire(type.fields, isObject(wire) ? wire : {}, options);
    case "list":
      return Array.isArray(wire) ? wire.map((item) => valueFromWire(type.of, item, options)) : [];
    case "map":
      return Object.fromEntries(
        Object.entries(isObject(wire) ? wire : {}).map(([key, item]) => [key, valueFromWire(type.of, item, options)]),
      );
    case "int64":
      return typeof wire === "string" || typeof wire === "number" ? BigInt(wire) : 0n;
    case "timestamp":
      return new Date(String(wire));
    case "bytes":
      return bytesFrom(String(wire));
    case "int32":
    case "float":
      return Number(wire);
    default:
      return wire;
  }
}

function emptyOf(type: FieldType): unknown {
  switch (type.type) {
    case "enum":
      return enumShortName(type.desc, 0) ?? "";
    case "message":
      return messageFromWire(type.fields, {});
    case "list":
      return [];
    case "map":
      return {};
    case "int64":
      return 0n;
    case "bytes":
      return new Uint8Array();
    case "bool":
      return false;
    case "int32":
    case "float":
      return 0;
    default:
      return "";
  }
}

/** Whether a field that is not on the wire is answered empty instead of left out. */
function filled(field: Field): boolean {
  if (field.oneof !== undefined || field.type.type === "timestamp" || field.type.type === "duration") return false;
  return (
    !field.presence || field.required || field.serverDefault || (field.outputOnly && field.type.type === "message")
  );
}

/** A value as Protobuf JSON says it; messages inside bring a toJSON of their own. */
function say(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return toBase64(value);
  if (Array.isArray(value)) return value.map(say);
  if (!isObject(value) || value instanceof Date || "toJSON" in value) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, say(item)]));
}

/** Answers carry bigints and bytes, which JSON lacks: with this, JSON.stringify(answer) works. */
function jsonOf(this: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(this).map(([key, value]) => [key, say(value)]));
}

function needsJson(field: Field): boolean {
  const type = elementType(field.type).type;
  return type === "int64" || type === "bytes";
}

/** Shows secrets as "[redacted]" when the answer is printed; reading the property still gives the secret. */
function redactSecrets(answer: Record<string, unknown>, secrets: readonly string[]): void {
  hide(answer, inspectSymbol, () => {
    const shown = { ...answer };
    for (const secret of secrets) if (shown[secret] !== undefined && shown[secret] !== "") shown[secret] = "[redacted]";
    return shown;
  });
}

/** A message as its answer. Unknown properties of the wire are dropped. */
export function messageFromWire(
  fields: readonly Field[],
  wire: JsonObject | Record<string, unknown>,
  options: FromWireOptions = {},
): Record<string, unknown> {
  const answer: Record<string, unknown> = {};
  for (const field of fields) {
    if (field.inputOnly) continue;
    const given = wire[field.localName];
    if (given !== undefined && given !== null) answer[field.localName] = valueFromWire(field.type, given, options);
    else if (options.sparse !== true && filled(field)) answer[field.localName] = emptyOf(field.type);
  }
  const secrets = fields.filter((field) => field.sensitive).map((field) => field.localName);
  if (secrets.length > 0) redactSecrets(answer, secrets);
  if (fields.some(needsJson)) hide(answer, "toJSON", jsonOf);
  return answer;
}
