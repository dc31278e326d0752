// The value rules of the annotations, checked by one validator that every surface shares.
import type { FieldFacts, Limits, RuleFacts, TypeFacts } from "./facts.ts";
import { formatChecks } from "./formats.ts";
import { Format } from "./gen/photoncloud/meta/v1/meta_pb.ts";

/** What is wrong with one field; the shape of photoncloud.api.v1.Violation. */
export interface FieldViolation {
  /** The field's path as in the proto: rules["web"].remote_cidr, spec.network[0].port_id. */
  readonly path: string;
  /** "required", "format", "range", "size", "pattern", "enum", "key". */
  readonly rule: string;
  /** What was given, what is allowed and how to mend it. */
  readonly message: string;
}

/** What a message, also a nested one, is to a check. */
const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** One walk over one message: where violations go, and what is not looked at. */
interface Walk {
  readonly skip: ReadonlySet<string>;
  report(path: string, rule: string, message: string): void;
  /** Nothing more will be reported: a hundred thousand wrong entries would else make an answer of many times their size. */
  isFull(): boolean;
}

/** The longest key of a map, in characters. */
const longestKey = 128;
/** The most characters of a string whose field sets no size: no text of ours is longer, and whole pages of resources must fit into memory. */
const longestText = 4_096;
/** The same for each string of a list or a map, of which there are many. */
const longestEntry = 1_024;
/** The most violations that are told at once; more help nobody. */
export const mostViolations = 50;

const patterns = new Map<string, RegExp>();

function compiled(pattern: string): RegExp {
  const known = patterns.get(pattern);
  if (known !== undefined) return known;
  const expression = new RegExp(`^(?:${pattern})$`, "u");
  patterns.set(pattern, expression);
  return expression;
}

/** "1 to 64", "at least 1", "at most 64" */
function allowed(range: Limits): string {
  if (range.min !== undefined && range.max !== undefined) return `${range.min} to ${range.max}`;
  return range.min !== undefined ? `at least ${range.min}` : `at most ${range.max}`;
}

function outside(value: bigint, range: Limits): boolean {
  return (range.min !== undefined && value < range.min) || (range.max !== undefined && value > range.max);
}

/** What the message says was given: never a secret, never more than a line. */
function given(value: unknown, sensitive: boolean): string {
  if (sensitive) return "the value given is not allowed";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return `${text.length > 80 ? `${text.slice(0, 80)}…` : text} was given`;
}

/** Counts code points; beyond twice the limit there are too many in any case, since none has more than two units. */
function lengthOf(text: string, limit: number): number {
  return text.length > 2 * limit ? text.length : [...text].length;
}

function checkString(text: string, rules: FieldFacts["options"], sensitive: boolean, path: string, walk: Walk): void {
  const size = rules?.size ?? { max: BigInt(longestText) };
  const length = lengthOf(text, Number(size.max ?? longestText));
  if (outside(BigInt(length), size)) {
    walk.report(path, "size", `it has ${length} characters; ${allowed(size)} are allowed`);
    if (size.max !== undefined && length > size.max) return;
  }
  const wrong = formatChecks[rules?.format ?? Format.UNSPECIFIED]?.(text);
  if (wrong !== undefined) walk.report(path, "format", `${given(text, sensitive)}; ${wrong}`);
  if (rules !== undefined && rules.pattern !== "" && !compiled(rules.pattern).test(text))
    walk.report(
      path,
      "pattern",
      `${given(text, sensitive)}; it must match ${rules.pattern}${rules.example === "" ? "" : `, for example ${rules.example}`}`,
    );
}

function checkNumber(value: bigint, shown: string, rules: FieldFacts["options"], path: string, walk: Walk): void {
  const range = rules?.range;
  if (range !== undefined && outside(value, range))
    walk.report(
      path,
      "range",
      `${shown} was given; ${allowed(range)}${rules?.unit ? ` ${rules.unit}` : ""} is allowed`,
    );
}

function checkFloat(value: number, rules: FieldFacts["options"], path: string, walk: Walk): void {
  if (!Number.isFinite(value)) walk.report(path, "range", `${value} was given; a finite number is needed`);
  else if (
    rules?.range !== undefined &&
    (outside(BigInt(Math.floor(value)), rules.range) || outside(BigInt(Math.ceil(value)), rules.range))
  )
    walk.report(path, "range", `${value} was given; ${allowed(rules.range)} is allowed`);
}

/** Years 1 to 9999 (google/protobuf/timestamp.proto): what lies outside can't be written as JSON. */
const timestampSeconds = { min: -62_135_596_800n, max: 253_402_300_799n };
/** About 10,000 years either way (google/protobuf/duration.proto). */
const durationSeconds = { min: -315_576_000_000n, max: 315_576_000_000n };

/** A time that protobuf's JSON can write. JSON input always is; binary input need not be. */
function checkTime(value: unknown, limits: { min: bigint; max: bigint }, path: string, walk: Walk): void {
  if (!isObject(value) || !("seconds" in value) || !("nanos" in value)) return;
  const { seconds, nanos } = value;
  if (typeof seconds !== "bigint" || typeof nanos !== "number") return;
  const signed = limits === durationSeconds && seconds <= 0n;
  const fits = seconds >= limits.min && seconds <= limits.max && Math.abs(nanos) < 1e9 && (nanos >= 0 || signed);
  if (!fits || (limits === durationSeconds && seconds < 0n && nanos > 0))
    walk.report(
      path,
      "range",
      `${seconds} seconds and ${nanos} nanoseconds were given; ${limits.min} to ${limits.max} seconds and less than 10^9 nanoseconds of the same sign are allowed`,
    );
}

function checkValue(type: TypeFacts, value: unknown, field: FieldFacts, path: string, walk: Walk): void {
  switch (type.type) {
    case "string":
      if (typeof value === "string") checkString(value, field.options, field.sensitive, path, walk);
      return;
    case "int32":
    case "int64":
      if (typeof value === "number" || typeof value === "bigint")
        checkNumber(BigInt(value), String(value), field.options, path, walk);
      return;
    case "float":
      if (typeof value === "number") checkFloat(value, field.options, path, walk);
      return;
    case "enum":
      if (!type.desc.values.some((v) => v.number === value))
        walk.report(
          path,
          "enum",
          `${String(value)} was given; allowed are ${type.desc.values
            .filter((v) => v.number !== 0)
            .map((v) => v.name)
            .join(", ")}`,
        );
      return;
    case "timestamp":
      checkTime(value, timestampSeconds, path, walk);
      return;
    case "duration":
      checkTime(value, durationSeconds, path, walk);
      if (isObject(value) && "seconds" in value && typeof value.seconds === "bigint")
        checkNumber(value.seconds, `${value.seconds}s`, field.options, path, walk);
      return;
    case "message":
      if (isObject(value)) checkFields(type.fields, value, `${path}.`, walk);
      return;
    default:
      return;
  }
}

function checkKey(key: string, field: FieldFacts, path: string, walk: Walk): void {
  const wrong = formatChecks[field.options?.keyFormat ?? Format.UNSPECIFIED]?.(key);
  if (key === "" || [...key].length > longestKey)
    walk.report(path, "key", `a key must have 1 to ${longestKey} characters`);
  else if (wrong !== undefined) walk.report(path, "key", `${JSON.stringify(key)} was given as a key; ${wrong}`);
}

/** Answers whether the entries shall be looked at: not where there are too many. */
function checkEntries(count: number, field: FieldFacts, path: string, walk: Walk): boolean {
  const size = field.options?.size;
  // A string list's size limits the list; so an absent list is not too short, it is absent.
  if (size === undefined || count === 0 || !outside(BigInt(count), size)) return true;
  walk.report(path, "size", `it has ${count} entries; ${allowed(size)} are allowed`);
  return size.max === undefined || count <= size.max;
}

const entrySize: Limits = { max: BigInt(longestEntry) };
/** Of a field that has none. */
export const noRules: RuleFacts = {
  format: Format.UNSPECIFIED,
  keyFormat: Format.UNSPECIFIED,
  pattern: "",
  example: "",
  unit: "",
  default: "",
  fixedDefault: false,
  addsTo: "",
};

const knownEntries = new WeakMap<FieldFacts, FieldFacts>();

/** The rules of a list or map for each entry: the size is the container's, the rest is the entry's. */
function entryOf(field: FieldFacts): FieldFacts {
  const known = knownEntries.get(field);
  if (known !== undefined) return known;
  const rest = field.options ?? noRules;
  const entry = { ...field, options: { ...rest, size: entrySize } };
  knownEntries.set(field, entry);
  return entry;
}

function checkList(of: TypeFacts, list: readonly unknown[], field: FieldFacts, path: string, walk: Walk): void {
  const entry = entryOf(field);
  for (const [i, element] of list.entries()) {
    if (walk.isFull()) return;
    if (!walk.skip.has(`${path}[${i}]`)) checkValue(of, element, entry, `${path}[${i}]`, walk);
  }
}

function checkMap(of: TypeFacts, map: object, field: FieldFacts, path: string, walk: Walk): void {
  const entry = entryOf(field);
  for (const [key, element] of Object.entries(map)) {
    if (walk.isFull()) return;
    const at = `${path}[${JSON.stringify(key)}]`;
    checkKey(key, field, at, walk);
    if (!walk.skip.has(at)) checkValue(of, element, entry, at, walk);
  }
}

function checkField(field: FieldFacts, value: unknown, path: string, walk: Walk): void {
  if (field.type.type === "list" && Array.isArray(value)) {
    if (checkEntries(value.length, field, path, walk)) checkList(field.type.of, value, field, path, walk);
  } else if (field.type.type === "map" && typeof value === "object" && value !== null) {
    if (checkEntries(Object.keys(value).length, field, path, walk)) checkMap(field.type.of, value, field, path, walk);
  } else checkValue(field.type, value, field, path, walk);
}

/** The value of a field, or undefined where it is unset: absent, or the empty value of a field without presence. */
export function fieldValue(field: FieldFacts, message: object): unknown {
  if (field.oneof !== undefined) {
    const member: unknown = Reflect.get(message, field.oneof.localName);
    const chosen = typeof member === "object" && member !== null && "case" in member && member.case === field.localName;
    return chosen && "value" in member ? member.value : undefined;
  }
  const value: unknown = Reflect.get(message, field.localName);
  if (field.presence || value === undefined) return value;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value;
  if (value instanceof Uint8Array) return value.length === 0 ? undefined : value;
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0 ? undefined : value;
  return value === "" || value === 0 || value === 0n || value === false ? undefined : value;
}

function checkFields(fields: readonly FieldFacts[], message: object, prefix: string, walk: Walk): void {
  for (const field of fields) {
    const path = prefix + field.name;
    if (field.outputOnly || walk.skip.has(path)) continue;
    const value = fieldValue(field, message);
    if (value !== undefined && !(field.required && value === "")) checkField(field, value, path, walk);
    else if (field.required) walk.report(path, "required", "it is missing; give a value");
  }
}

/**
 * Checks a message's inputs against its annotations; outputs are not looked at. Answers the first 50 violations.
 *
 * @param fields The message's fields, from its kind or `fieldsOf`.
 * @param skip Paths (in the proto's names) that are not checked, with everything below them.
 */
export function validate(
  fields: readonly FieldFacts[],
  message: object,
  skip: ReadonlySet<string> = new Set(),
): FieldViolation[] {
  const violations: FieldViolation[] = [];
  const isFull = () => violations.length >= mostViolations;
  checkFields(fields, message, "", {
    skip,
    isFull,
    report(path, rule, text) {
      if (!isFull()) violations.push({ path, rule, message: text });
    },
  });
  return violations;
}
