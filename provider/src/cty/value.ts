// The values of Terraform's types. Objects and maps are both Maps, so that no key of a user's can be mistaken for a property.
import { canonicalDecimal, Decimal } from "./decimal.ts";
import type { Type } from "./type.ts";

/** A value that Terraform does not know yet, with what it knows of it (ext 12's body as it came). */
export class Unknown {
  readonly refinements: Uint8Array | undefined;
  constructor(refinements?: Uint8Array) {
    this.refinements = refinements;
  }
}

/** A value whose type travels with it. */
export class Dynamic {
  readonly type: Type;
  readonly value: Value;
  constructor(type: Type, value: Value) {
    this.type = type;
    this.value = value;
  }
}

export type Num = number | bigint | Decimal;
export type Value = null | string | boolean | Num | Unknown | Dynamic | readonly Value[] | ValueMap;
export type ValueMap = ReadonlyMap<string, Value>;

export const unknown = new Unknown();
/** An unknown that will not be null: {1: false} in msgpack. */
export const unknownNotNull = new Unknown(new Uint8Array([0x81, 0x01, 0xc2]));

export const isMap = (value: Value | undefined): value is ValueMap => value instanceof Map;
export const isList = (value: Value | undefined): value is readonly Value[] => Array.isArray(value);
export const isNumber = (value: Value | undefined): value is Num =>
  typeof value === "number" || typeof value === "bigint" || value instanceof Decimal;

/** Whether an unknown is anywhere in a value. */
export function hasUnknown(value: Value): boolean {
  if (value instanceof Unknown) return true;
  if (value instanceof Dynamic) return hasUnknown(value.value);
  if (isList(value)) return value.some(hasUnknown);
  return isMap(value) && [...value.values()].some(hasUnknown);
}

export const numberText = (value: Num): string => (value instanceof Decimal ? value.text : String(value));

const canonical = (value: Value): string => {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return `"${value.normalize("NFC")}"`;
  if (isNumber(value)) return `#${canonicalDecimal(numberText(value))}`;
  if (value instanceof Unknown) return "?";
  if (value instanceof Dynamic) return `<${canonical(value.value)}>`;
  if (isList(value)) return `[${value.map(canonical).join()}]`;
  const keys = [...value.keys()].sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value.get(key) ?? null)}`).join()}}`;
};

/** Whether two values of a type are the same: sets in any order, numbers by value, strings in NFC; unknowns are equal to each other. */
export function sameValue(type: Type, a: Value, b: Value): boolean {
  if (a === b) return true;
  if (a === null || b === null || a instanceof Unknown || b instanceof Unknown)
    return a instanceof Unknown && b instanceof Unknown;
  switch (type.kind) {
    case "string":
      return typeof a === "string" && typeof b === "string" && a.normalize("NFC") === b.normalize("NFC");
    case "number":
      return isNumber(a) && isNumber(b) && canonicalDecimal(numberText(a)) === canonicalDecimal(numberText(b));
    case "list":
      return isList(a) && isList(b) && sameItems(a, b, () => type.of);
    case "tuple":
      return isList(a) && isList(b) && sameItems(a, b, (index) => type.of[index]);
    case "set":
      return isList(a) && isList(b) && sameSet(type.of, a, b);
    case "map":
      return isMap(a) && isMap(b) && sameEntries(a, b, () => type.of);
    case "object":
      return isMap(a) && isMap(b) && sameEntries(a, b, (name) => type.fields.get(name));
    default:
      return canonical(a) === canonical(b);
  }
}

function sameItems(a: readonly Value[], b: readonly Value[], typeOf: (index: number) => Type | undefined): boolean {
  return a.length === b.length && a.every((item, i) => sameAs(typeOf(i), item, b[i]));
}

function sameEntries(a: ValueMap, b: ValueMap, typeOf: (key: string) => Type | undefined): boolean {
  return a.size === b.size && [...a].every(([key, value]) => sameAs(typeOf(key), value, b.get(key)));
}

const sameAs = (type: Type | undefined, a: Value, b: Value | undefined): boolean =>
  type !== undefined && b !== undefined && sameValue(type, a, b);

function sameSet(of: Type, a: readonly Value[], b: readonly Value[]): boolean {
  if (a.length !== b.length) return false;
  const left = [...b];
  return a.every((item) => {
    const at = left.findIndex((other) => sameValue(of, item, other));
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}
