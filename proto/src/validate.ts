// The value rules of the annotations, checked by one validator that every surface shares.
import { isMessage, type Message } from "@bufbuild/protobuf";
import type { Field, FieldType } from "./catalog.ts";
import { formatChecks } from "./formats.ts";
import { Format, type Range } from "./gen/photoncloud/meta/v1/meta_pb.ts";

/** What is wrong with one field; the shape of photoncloud.api.v1.Violation. */
export interface FieldViolation {
  /** The field's path as in the proto: rules["web"].remote_cidr, spec.network[0].port_id. */
  readonly path: string;
  /** "required", "format", "range", "size", "pattern", "enum", "key". */
  readonly rule: string;
  /** What was given, what is allowed and how to mend it. */
  readonly message: string;
}

type Rules = Field["options"];

/** One walk over one message: where violations go, and what is not looked at. */
interface Walk {
  readonly skip: ReadonlySet<string>;
  report(path: string, rule: string, message: string): void;
}

/** The longest key of a map, in characters. */
const longestKey = 128;

const patterns = new Map<string, RegExp>();

function compiled(pattern: string): RegExp {
  const known = patterns.get(pattern);
  if (known !== undefined) return known;
  const expression = new RegExp(`^(?:${pattern})$`, "u");
  patterns.set(pattern, expression);
  return expression;
}

/** "1 to 64", "at least 1", "at most 64" */
function allowed(range: Range): string {
  if (range.min !== undefined && range.max !== undefined) return `${range.min} to ${range.max}`;
  return range.min !== undefined ? `at least ${range.min}` : `at most ${range.max}`;
}

function outside(value: bigint, range: Range): boolean {
  return (range.min !== undefined && value < range.min) || (range.max !== undefined && value > range.max);
}

/** What the message says was given: never a secret, never more than a line. */
function given(value: unknown, sensitive: boolean): string {
  if (sensitive) return "the value given is not allowed";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return `${text.length > 80 ? `${text.slice(0, 80)}…` : text} was given`;
}

function checkString(text: string, rules: Rules, sensitive: boolean, path: string, walk: Walk): void {
  const size = rules?.size;
  const length = [...text].length;
  if (size !== undefined && outside(BigInt(length), size))
    walk.report(path, "size", `it has ${length} characters; ${allowed(size)} are allowed`);
  const wrong = formatChecks[rules?.format ?? Format.UNSPECIFIED]?.(text);
  if (wrong !== undefined) walk.report(path, "format", `${given(text, sensitive)}; ${wrong}`);
  if (rules !== undefined && rules.pattern !== "" && !compiled(rules.pattern).test(text))
    walk.report(
      path,
      "pattern",
      `${given(text, sensitive)}; it must match ${rules.pattern}${rules.example === "" ? "" : `, for example ${rules.example}`}`,
    );
}

function checkNumber(value: bigint, shown: string, rules: Rules, path: string, walk: Walk): void {
  const range = rules?.range;
  if (range !== undefined && outside(value, range))
    walk.report(
      path,
      "range",
      `${shown} was given; ${allowed(range)}${rules?.unit ? ` ${rules.unit}` : ""} is allowed`,
    );
}

function checkFloat(value: number, rules: Rules, path: string, walk: Walk): void {
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
  if (!isMessage(value) || !("seconds" in value) || !("nanos" in value)) return;
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

function checkValue(type: FieldType, value: unknown, field: Field, path: string, walk: Walk): void {
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
      if (isMessage(value) && "seconds" in value && typeof value.seconds === "bigint")
        checkNumber(value.seconds, `${value.seconds}s`, field.options, path, walk);
      return;
    case "message":
      if (isMessage(value)) checkFields(type.fields, value, `${path}.`, walk);
      return;
    default:
      return;
  }
}

function checkKey(key: string, field: Field, path: string, walk: Walk): void {
  const wrong = formatChecks[field.options?.keyFormat ?? Format.UNSPECIFIED]?.(key);
  if (key === "" || [...key].length > longestKey)
    walk.report(path, "key", `a key must have 1 to ${longestKey} characters`);
  else if (wrong !== undefined) walk.report(path, "key", `${JSON.stringify(key)} was given as a key; ${wrong}`);
}

function checkEntries(count: number, field: Field, path: string, walk: Walk): void {
  const size = field.options?.size;
  // A string list's size limits the list; so an absent list is not too short, it is absent.
  if (size !== undefined && count > 0 && outside(BigInt(count), size))
    walk.report(path, "size", `it has ${count} entries; ${allowed(size)} are allowed`);
}

/** The rules of a list or map for each entry: the size is the container's, the rest is the entry's. */
function entryOf(field: Field): Field {
  if (field.options?.size === undefined) return field;
  const { size: _, ...options } = field.options;
  return { ...field, options };
}

function checkField(field: Field, value: unknown, path: string, walk: Walk): void {
  if (field.type.type === "list" && Array.isArray(value)) {
    checkEntries(value.length, field, path, walk);
    const [entry, of] = [entryOf(field), field.type.of];
    value.forEach((element: unknown, i) => {
      if (!walk.skip.has(`${path}[${i}]`)) checkValue(of, element, entry, `${path}[${i}]`, walk);
    });
  } else if (field.type.type === "map" && typeof value === "object" && value !== null) {
    const [entry, of] = [entryOf(field), field.type.of];
    checkEntries(Object.keys(value).length, field, path, walk);
    for (const [key, element] of Object.entries(value)) {
      const at = `${path}[${JSON.stringify(key)}]`;
      checkKey(key, field, at, walk);
      if (!walk.skip.has(at)) checkValue(of, element, entry, at, walk);
    }
  } else checkValue(field.type, value, field, path, walk);
}

/** The value of a field, or undefined where it is unset: absent, or the empty value of a field without presence. */
export function fieldValue(field: Field, message: Message): unknown {
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

function checkFields(fields: readonly Field[], message: Message, prefix: string, walk: Walk): void {
  for (const field of fields) {
    const path = prefix + field.name;
    if (field.outputOnly || walk.skip.has(path)) continue;
    const value = fieldValue(field, message);
    if (value !== undefined && !(field.required && value === "")) checkField(field, value, path, walk);
    else if (field.required) walk.report(path, "required", "it is missing; give a value");
  }
}

/**
 * Checks a message's inputs against its annotations; outputs are not looked at.
 *
 * @param fields The message's fields, from its kind or `fieldsOf`.
 * @param skip Paths (in the proto's names) that are not checked, with everything below them.
 */
export function validate(
  fields: readonly Field[],
  message: Message,
  skip: ReadonlySet<string> = new Set(),
): FieldViolation[] {
  const violations: FieldViolation[] = [];
  checkFields(fields, message, "", {
    skip,
    report: (path, rule, text) => violations.push({ path, rule, message: text }),
  });
  return violations;
}
