// Terraform's values in JSON, as state files hold them. Numbers keep their text, so that no digit is lost.
import { Decimal } from "./decimal.ts";
import { type Type, typeFromJson, typeToJson } from "./type.ts";
import { Dynamic, isList, isMap, isNumber, numberText, Unknown, type Value } from "./value.ts";

const safe = /^-?\d{1,15}$/;

/** A parsed JSON value in which every number that could lose digits is a Decimal. */
export function parseJson(text: string): unknown {
  // Node 20 gives the reviver no context; there a long number is rounded, as everywhere in JavaScript.
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) =>
    typeof value === "number" && context?.source !== undefined && !safe.test(context.source)
      ? new Decimal(context.source)
      : value,
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Decimal);

/**
 * Reads a value of a type from parsed JSON; attributes that are missing are null.
 *
 * @throws Error if the JSON does not fit the type.
 */
export function fromJson(type: Type, json: unknown): Value {
  if (json === null || json === undefined) return null;
  switch (type.kind) {
    case "string":
      if (typeof json === "string") return json;
      break;
    case "bool":
      if (typeof json === "boolean") return json;
      break;
    case "number":
      if (typeof json === "number" || json instanceof Decimal) return json;
      if (typeof json === "string") return new Decimal(json);
      break;
    case "list":
    case "set":
      if (Array.isArray(json)) return json.map((item) => fromJson(type.of, item));
      break;
    case "tuple":
      if (Array.isArray(json)) return type.of.map((of, i) => fromJson(of, json[i]));
      break;
    case "map":
      if (isRecord(json)) return new Map(Object.entries(json).map(([key, item]) => [key, fromJson(type.of, item)]));
      break;
    case "object":
      if (isRecord(json)) return new Map([...type.fields].map(([name, of]) => [name, fromJson(of, json[name])]));
      break;
    case "dynamic":
      if (isRecord(json)) {
        const of = typeFromJson(json.type);
        return new Dynamic(of, fromJson(of, json.value));
      }
  }
  throw new Error(`expected a ${type.kind}, got ${JSON.stringify(json)}`);
}

/**
 * Writes a value as JSON text.
 *
 * @throws Error for an unknown, which JSON can't hold.
 */
export function toJson(value: Value): string {
  if (value instanceof Unknown) throw new Error("JSON holds no unknown value");
  if (value === null || typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
  if (isNumber(value)) return numberText(value);
  if (value instanceof Dynamic)
    return `{"value":${toJson(value.value)},"type":${JSON.stringify(typeToJson(value.type))}}`;
  if (isList(value)) return `[${value.map(toJson).join()}]`;
  if (isMap(value)) return `{${[...value].map(([key, item]) => `${JSON.stringify(key)}:${toJson(item)}`).join()}}`;
  throw new Error("no value");
}
