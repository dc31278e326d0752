// PATCH (RFC 7644, section 3.5.2): add, replace and remove on a resource's JSON, in the ways that Okta and Entra ID write them.
import { ScimError } from "./error.ts";
import { type Equality, fitsFilter, parseFilter, pathOf } from "./filter.ts";
import { attribute, isRecord, type Json, keyOf, listOf } from "./json.ts";

const mostOperations = 1_000;
/** members[value eq "…"].display */
const shape = /^([\w$:.-]+?)(?:\[(.*)\])?(?:\.([\w$]+))?$/;

interface Target {
  readonly path: readonly string[];
  readonly filter: readonly Equality[] | undefined;
}

/** @throws ScimError for what no operation is. */
export function patched(resource: Json, request: Json): Json {
  const operations = listOf(attribute(request, "Operations"));
  if (operations.length === 0 || operations.length > mostOperations)
    throw new ScimError(400, `give 1 to ${mostOperations} Operations`, "invalidSyntax");
  return operations.reduce<Json>((now, operation) => applied(now, operation), resource);
}

function applied(resource: Json, operation: unknown): Json {
  if (!isRecord(operation)) throw new ScimError(400, "an operation is an object", "invalidSyntax");
  const op = String(attribute(operation, "op")).toLowerCase();
  const path = attribute(operation, "path");
  const value = attribute(operation, "value");
  if (op !== "add" && op !== "replace" && op !== "remove")
    throw new ScimError(400, `op must be add, replace or remove`, "invalidSyntax");
  if (path === undefined || path === "") return withoutPath(resource, op, value);
  if (typeof path !== "string") throw new ScimError(400, "path is not a text", "invalidPath");
  return op === "remove" ? removed(resource, targetOf(path), value) : set(resource, targetOf(path), value, op);
}

/** Without a path the value's attributes are the targets; Entra ID writes "name.givenName" for one within another. */
function withoutPath(resource: Json, op: string, value: unknown): Json {
  if (op === "remove") throw new ScimError(400, "remove needs a path", "noTarget");
  if (!isRecord(value)) throw new ScimError(400, "without a path the value must be an object", "invalidValue");
  return Object.entries(value).reduce<Json>((now, [name, one]) => set(now, targetOf(name), one, op), resource);
}

function targetOf(text: string): Target {
  const [, name = "", filter, sub] = shape.exec(text) ?? [];
  if (name === "") throw new ScimError(400, `${JSON.stringify(text.slice(0, 128))} is no path`, "invalidPath");
  const path = [...pathOf(name), ...(sub === undefined ? [] : [sub])];
  if (filter === undefined) return { path, filter: undefined };
  return { path, filter: parseFilter(filter) };
}

function set(resource: Json, { path, filter }: Target, value: unknown, op: string): Json {
  const [name = "", ...rest] = path;
  const key = keyOf(resource, name);
  const old = resource[key];
  if (filter !== undefined) return { ...resource, [key]: inList(listOf(old), filter, rest, value) };
  if (rest.length > 0) {
    const inner = isRecord(old) ? old : {};
    return { ...resource, [key]: set(inner, { path: rest, filter: undefined }, value, op) };
  }
  if (op === "add" && Array.isArray(old)) return { ...resource, [key]: [...old, ...newOf(old, listOf(value))] };
  if (isRecord(old) && isRecord(value)) return { ...resource, [key]: { ...old, ...value } };
  return { ...resource, [key]: value };
}

/** What a list has already is not added twice (section 3.5.2.1). */
function newOf(old: readonly unknown[], given: readonly unknown[]): readonly unknown[] {
  const known = new Set(old.map(identityOf));
  return given.filter((one) => !known.has(identityOf(one)));
}

function identityOf(entry: unknown): string {
  return JSON.stringify(isRecord(entry) ? (attribute(entry, "value") ?? entry) : entry);
}

/** The entries that fit; where none does, one is made of the filter and the value, as directories expect. */
function inList(
  list: readonly unknown[],
  filter: readonly Equality[],
  rest: readonly string[],
  value: unknown,
): readonly unknown[] {
  const changed = (entry: Json): Json =>
    rest[0] === undefined ? { ...entry, ...(isRecord(value) && value) } : { ...entry, [rest[0]]: value };
  if (list.some((entry) => isRecord(entry) && fitsFilter(entry, filter)))
    return list.map((entry) => (isRecord(entry) && fitsFilter(entry, filter) ? changed(entry) : entry));
  return [...list, changed(Object.fromEntries(filter.map((one) => [one.path.join("."), one.value])))];
}

function removed(resource: Json, { path, filter }: Target, value: unknown): Json {
  const [name = "", ...rest] = path;
  const key = keyOf(resource, name);
  const old = resource[key];
  const leaving = listOf(value);
  if (filter !== undefined)
    return { ...resource, [key]: listOf(old).filter((one) => !(isRecord(one) && fitsFilter(one, filter))) };
  // Entra ID names the entries to remove in the value.
  if (Array.isArray(old) && leaving.length > 0) {
    const gone = new Set(leaving.map(identityOf));
    return { ...resource, [key]: old.filter((one) => !gone.has(identityOf(one))) };
  }
  const { [key]: _, ...others } = resource;
  if (rest.length === 0) return others;
  return { ...others, [key]: removed(isRecord(old) ? old : {}, { path: rest, filter: undefined }, undefined) };
}
