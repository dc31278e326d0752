// Filters (RFC 7644, section 3.4.2.2), as far as directories send them: attributes that are equal to a value, joined by `and`.
import { ScimError } from "./error.ts";
import { attribute, isRecord, type Json, listOf } from "./json.ts";

/** `userName eq "alice"`, `members[value eq "alice"]`, `emails.value eq "…"` */
export interface Equality {
  /** "members.value" as its parts. */
  readonly path: readonly string[];
  readonly value: string | boolean | number | null;
}

const longest = 1_024;
const shape = /^\s*([A-Za-z$][\w$.:-]*)\s+eq\s+("(?:[^"\\]|\\.)*"|true|false|null|-?\d+(?:\.\d+)?)\s*/i;
const nested = /^\s*([A-Za-z$][\w$]*)\[([^\]]*)\]\s*/;
const and = /^and\s+/i;

/** @throws ScimError invalidFilter for anything else. */
export function parseFilter(text: string): readonly Equality[] {
  if (text.length > longest) throw bad("it is too long");
  const found: Equality[] = [];
  for (let rest = text.trim(); ; ) {
    const [one, after] = parseOne(rest);
    found.push(...one);
    if (after === "") return found;
    if (!and.test(after)) throw bad(`only eq, joined by and, is served: ${JSON.stringify(after.slice(0, 64))}`);
    rest = after.replace(and, "");
  }
}

function parseOne(text: string): readonly [readonly Equality[], string] {
  const group = nested.exec(text);
  if (group !== null) {
    const [whole, name = "", inner = ""] = group;
    return [parseFilter(inner).map(({ path, value }) => ({ path: [name, ...path], value })), text.slice(whole.length)];
  }
  const match = shape.exec(text);
  if (match === null) throw bad(`only comparisons by eq are served: ${JSON.stringify(text.slice(0, 64))}`);
  const [whole, name = "", value = ""] = match;
  return [[{ path: pathOf(name), value: parsedValue(value) }], text.slice(whole.length)];
}

/** An attribute may stand with the URN of its schema before it (section 3.10). */
export function pathOf(name: string): readonly string[] {
  const plain = /^urn:/i.test(name) ? name.slice(name.lastIndexOf(":") + 1) : name;
  return plain.split(".");
}

function parsedValue(text: string): Equality["value"] {
  try {
    return JSON.parse(/^(true|false|null)$/i.test(text) ? text.toLowerCase() : text);
  } catch {
    throw bad(`${text.slice(0, 64)} is no value`);
  }
}

/** Whether a resource has all of the values; texts are compared without regard to case, but for ids. */
export function fitsFilter(resource: Json, filter: readonly Equality[]): boolean {
  return filter.every(({ path, value }) => valuesAt(resource, path).some((one) => isEqual(path, one, value)));
}

function isEqual(path: readonly string[], one: unknown, other: Equality["value"]): boolean {
  const exact = ["id", "externalid", "value"].includes(path.at(-1)?.toLowerCase() ?? "");
  if (exact || typeof one !== "string" || typeof other !== "string") return one === other;
  return one.toLowerCase() === other.toLowerCase();
}

/** A list counts by each of its entries, and an entry without a further name by its `value`. */
function valuesAt(value: unknown, path: readonly string[]): readonly unknown[] {
  const [name, ...rest] = path;
  if (Array.isArray(value)) return value.flatMap((one) => valuesAt(one, path));
  if (name !== undefined)
    return isRecord(value) ? listOf(attribute(value, name)).flatMap((one) => valuesAt(one, rest)) : [];
  return [isRecord(value) ? attribute(value, "value") : value];
}

function bad(why: string): ScimError {
  return new ScimError(400, `the filter can't be used: ${why}`, "invalidFilter");
}
