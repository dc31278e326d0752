// Column values between our form (a plain value, a Set, a Map) and the wire's (RFC 7047, section 5.1), as the column's type says.
import type { Atom, Value } from "./database.ts";
import { isList, type Json, listOf } from "./json.ts";
import type { AtomType, Column } from "./schema.ts";

/** @throws TypeError if the value is not of the column's type. */
export function encode(value: Value, column: Column): Json {
  switch (column.shape) {
    case "one":
      return encodeAtom(value, column.key);
    case "optional":
      return value === undefined ? ["set", []] : encodeAtom(value, column.key);
    case "set":
      if (!(value instanceof Set)) throw new TypeError(`a set of ${column.key} is needed, not ${describe(value)}`);
      return encodeSet(value, column);
    case "map":
      if (!(value instanceof Map)) throw new TypeError(`a map is needed, not ${describe(value)}`);
      return encodeMap(value, column);
  }
}

function encodeSet(set: ReadonlySet<Atom>, { key: type }: Column): Json {
  const atoms: Json[] = [];
  set.forEach((atom) => void atoms.push(encodeAtom(atom, type)));
  return ["set", atoms];
}

/** Not by `for`: it makes a pair for each entry, beside the one that is sent. */
function encodeMap(map: ReadonlyMap<Atom, Atom>, { key: keyType, value: valueType = "string" }: Column): Json {
  const pairs: Json[] = [];
  map.forEach((value, key) => void pairs.push([encodeAtom(key, keyType), encodeAtom(value, valueType)]));
  return ["map", pairs];
}

function encodeAtom(value: Value, type: AtomType): Json {
  const fits = type === "boolean" ? "boolean" : type === "integer" || type === "real" ? "number" : "string";
  if (typeof value === "object" || value === undefined || typeof value !== fits)
    throw new TypeError(`${type === "integer" ? "an" : "a"} ${type} is needed, not ${describe(value)}`);
  return type === "uuid" && typeof value === "string" ? ["uuid", value] : value;
}

function describe(value: Value): string {
  if (value instanceof Set) return "a set";
  if (value instanceof Map) return "a map";
  return value === undefined ? "nothing" : JSON.stringify(value);
}

/** A set of one comes bare, an optional value as a set of none or one. */
export function decode(wire: Json, column: Column): Value {
  switch (column.shape) {
    case "one":
      return decodeAtom(wire);
    case "optional":
      return isSet(wire) ? optionalOf(listOf(wire[1])) : decodeAtom(wire);
    case "set":
      return decodeSet(isSet(wire) ? listOf(wire[1]) : [wire]);
    case "map":
      return decodeMap(isList(wire) ? listOf(wire[1]) : []);
  }
}

function decodeSet(atoms: readonly Json[]): Value {
  const set = new Set<Atom>();
  for (const atom of atoms) set.add(decodeAtom(atom));
  return set;
}

/** By index and not by pattern: walking a pair costs more than reading it, and every row has a dozen. */
function decodeMap(pairs: readonly Json[]): Value {
  const map = new Map<Atom, Atom>();
  for (const pair of pairs) if (isList(pair)) map.set(decodeAtom(pair[0] ?? ""), decodeAtom(pair[1] ?? ""));
  return map;
}

function isSet(wire: Json): wire is readonly Json[] {
  return isList(wire) && wire[0] === "set";
}

function optionalOf(atoms: readonly Json[]): Value {
  const [atom] = atoms;
  return atom === undefined ? undefined : decodeAtom(atom);
}

function decodeAtom(wire: Json): Atom {
  if (isList(wire)) return decodeAtom(wire[1] ?? "");
  return typeof wire === "object" ? "" : wire;
}

/** Whether the wire says a value that is known, without making another one. */
export function isOnWire(value: Value, wire: Json, { shape }: Column): boolean {
  switch (shape) {
    case "one":
      return value === decodeAtom(wire);
    case "optional":
      return value === (isSet(wire) ? optionalOf(listOf(wire[1])) : decodeAtom(wire));
    case "set":
      return value instanceof Set && isSetOnWire(value, isSet(wire) ? listOf(wire[1]) : [wire]);
    case "map":
      return value instanceof Map && isMapOnWire(value, isList(wire) ? listOf(wire[1]) : []);
  }
}

function isSetOnWire(set: ReadonlySet<Atom>, atoms: readonly Json[]): boolean {
  if (set.size !== atoms.length) return false;
  for (const atom of atoms) if (!set.has(decodeAtom(atom))) return false;
  return true;
}

function isMapOnWire(map: ReadonlyMap<Atom, Atom>, pairs: readonly Json[]): boolean {
  if (map.size !== pairs.length) return false;
  for (const pair of pairs)
    if (!isList(pair) || map.get(decodeAtom(pair[0] ?? "")) !== decodeAtom(pair[1] ?? "")) return false;
  return true;
}

export function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (a instanceof Set && b instanceof Set) return a.size === b.size && a.isSubsetOf(b);
  return a instanceof Map && b instanceof Map && sameMap(a, b);
}

function sameMap(a: ReadonlyMap<Atom, Atom>, b: ReadonlyMap<Atom, Atom>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a) if (b.get(key) !== value || !b.has(key)) return false;
  return true;
}

/** What an update of `update2` form makes of a value: sets and maps come as differences, everything else as the new value. */
export function patched(before: Value, change: Value): Value {
  if (before instanceof Set && change instanceof Set) return before.symmetricDifference(change);
  if (before instanceof Map && change instanceof Map) return patchedMap(before, change);
  return change;
}

/** A key with the value that it has goes; any other is set. */
function patchedMap(before: ReadonlyMap<Atom, Atom>, change: ReadonlyMap<Atom, Atom>): ReadonlyMap<Atom, Atom> {
  const after = new Map(before);
  for (const [key, value] of change) {
    if (before.get(key) === value) after.delete(key);
    else after.set(key, value);
  }
  return after;
}
