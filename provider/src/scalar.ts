// The values without parts: how each stands in Terraform, how in protobuf's JSON, and when two of them mean the same.
import { ScalarType } from "@bufbuild/protobuf";
import {
  type EnumFacts,
  enumNumber,
  enumShortName,
  type FieldFacts,
  type TypeFacts as FieldType,
} from "@photoncloud/proto";
import { canonicalDecimal, Decimal, toBigInt } from "./cty/decimal.ts";
import { bool, number, string, type Type } from "./cty/type.ts";
import { isNumber, type Num, numberText, type Value } from "./cty/value.ts";
import { formatDuration, formatTimestamp, parseDuration, parseTimestamp } from "./time.ts";

/** What protobuf's JSON holds for a scalar. */
export type JsonScalar = string | number | boolean;

export interface Scalar {
  readonly name: string;
  readonly type: Type;
  /** What is allowed, for the docs; "" where the type says it all. */
  readonly allowed: string;
  /** Some value, to stand where there is none to be had yet. */
  readonly empty: JsonScalar;
  /**
   * Known, non-null Terraform values to protobuf's JSON.
   *
   * @throws Error that says what was given and what is allowed.
   */
  toJson(value: Value): JsonScalar;
  fromJson(json: unknown): Value;
  /** Whether two known, non-null values mean the same. */
  same(a: Value, b: Value): boolean;
  /** Whether it is what protobuf does not send for a field without presence. */
  isZero(value: Value): boolean;
}

const shown = (value: Value): string => {
  const text = isNumber(value) ? numberText(value) : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
};

function text(value: Value): string {
  if (typeof value === "string") return value;
  throw new Error(`${shown(value)} is no string`);
}

function num(value: Value): Num {
  if (isNumber(value)) return value;
  throw new Error(`${shown(value)} is no number`);
}

const sameText = (a: Value, b: Value) => text(a).normalize("NFC") === text(b).normalize("NFC");
const sameNumber = (a: Value, b: Value) =>
  canonicalDecimal(numberText(num(a))) === canonicalDecimal(numberText(num(b)));

/** Equal after parsing; texts that do not parse are equal when they are the same text. */
const sameParsed = (parse: (text: string) => bigint | string | undefined) => (a: Value, b: Value) => {
  const [x, y] = [parse(text(a)), parse(text(b))];
  return x === undefined || y === undefined ? sameText(a, b) : x === y;
};

const plain: Scalar = {
  name: "string",
  empty: "",
  type: string,
  allowed: "",
  toJson: text,
  fromJson: (json) => String(json),
  same: sameText,
  isZero: (value) => value === "",
};

const boolean: Scalar = {
  name: "bool",
  empty: false,
  type: bool,
  allowed: "",
  toJson: (value) => value === true,
  fromJson: (json) => json === true,
  same: (a, b) => a === b,
  isZero: (value) => value === false,
};

const isZeroNumber = (value: Value) => isNumber(value) && canonicalDecimal(numberText(value)) === "0";

function integer(bits: 32 | 64, unsigned = false): Scalar {
  const most = 2n ** BigInt(unsigned ? bits : bits - 1) - 1n;
  const least = unsigned ? 0n : -most - 1n;
  return {
    name: `${unsigned ? "u" : ""}int${bits}`,
    empty: 0,
    type: number,
    allowed: "",
    toJson(value) {
      const whole = toBigInt(numberText(num(value)));
      if (whole === undefined) throw new Error(`${shown(value)} was given; a whole number is allowed`);
      if (whole < least || whole > most) throw new Error(`${shown(value)} was given; ${least} to ${most} is allowed`);
      return bits === 64 ? `${whole}` : Number(whole);
    },
    fromJson(json) {
      const whole = BigInt(String(json));
      return Number.isSafeInteger(Number(whole)) ? Number(whole) : whole;
    },
    same: sameNumber,
    isZero: isZeroNumber,
  };
}

const float: Scalar = {
  name: "float",
  empty: 0,
  type: number,
  allowed: "",
  toJson(value) {
    const wanted = num(value);
    const nearest = Number(numberText(wanted));
    if (!Number.isFinite(nearest)) throw new Error(`${shown(value)} was given; at most 1.8e308 is allowed`);
    return nearest;
  },
  fromJson: (json) => (typeof json === "number" ? json : new Decimal(String(json))),
  // The cloud keeps 64-bit floats: what rounds to the same one is the same.
  same: (a, b) => Number(numberText(num(a))) === Number(numberText(num(b))),
  isZero: isZeroNumber,
};

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

const bytes: Scalar = {
  name: "bytes",
  empty: "",
  type: string,
  allowed: "base64 (RFC 4648)",
  toJson(value) {
    if (!base64.test(text(value))) throw new Error("this is no base64; use base64encode() or filebase64()");
    return Buffer.from(text(value), "base64").toString("base64");
  },
  fromJson: (json) => String(json),
  same: sameParsed((t) => (base64.test(t) ? Buffer.from(t, "base64").toString("base64") : undefined)),
  isZero: (value) => value === "",
};

const timestamp: Scalar = {
  name: "timestamp",
  empty: "1970-01-01T00:00:00Z",
  type: string,
  allowed: 'RFC 3339, for example "2026-01-31T12:00:00Z"',
  toJson(value) {
    const nanos = parseTimestamp(text(value));
    if (nanos === undefined) throw new Error(`${shown(value)} was given; ${timestamp.allowed} is allowed`);
    return formatTimestamp(nanos);
  },
  fromJson: (json) => String(json),
  same: sameParsed(parseTimestamp),
  isZero: () => false,
};

const duration: Scalar = {
  name: "duration",
  empty: "0s",
  type: string,
  allowed: 'a duration, for example "1h30m" or "45s"',
  toJson(value) {
    const nanos = parseDuration(text(value));
    if (nanos === undefined) throw new Error(`${shown(value)} was given; ${duration.allowed} is allowed`);
    const fraction = (nanos < 0n ? -nanos : nanos) % 1_000_000_000n;
    const seconds = (nanos < 0n ? -nanos : nanos) / 1_000_000_000n;
    return `${nanos < 0n ? "-" : ""}${seconds}${fraction === 0n ? "" : `.${`${fraction}`.padStart(9, "0")}`}s`;
  },
  fromJson: (json) => formatDuration(parseDuration(String(json)) ?? 0n),
  same: sameParsed(parseDuration),
  isZero: () => false,
};

function enumeration(desc: EnumFacts): Scalar {
  const names = desc.values.map((value) => enumShortName(desc, value.number) ?? "").filter((name) => name !== "");
  const allowed = names.map((name) => JSON.stringify(name)).join(", ");
  return {
    name: "enum",
    empty: 0,
    type: string,
    allowed: `one of ${allowed}`,
    toJson(value) {
      const found = enumNumber(desc, text(value));
      if (found === undefined) throw new Error(`${shown(value)} was given; ${allowed} are allowed`);
      return found;
    },
    // A value that only a newer cloud knows is shown as it came.
    fromJson(json) {
      const found = desc.values.find((value) => value.name === json || value.number === json);
      return found === undefined ? String(json) : (enumShortName(desc, found.number) ?? String(json));
    },
    same: (a, b) => a === b,
    isZero: (value) => value === "",
  };
}

const unsignedTypes: ReadonlySet<unknown> = new Set([
  ScalarType.UINT32,
  ScalarType.UINT64,
  ScalarType.FIXED32,
  ScalarType.FIXED64,
]);

/** The scalar of a field's type, or of its items' type. */
export function scalarOf(
  type: Exclude<FieldType, { type: "message" | "list" | "map" }>,
  desc: FieldFacts["desc"],
): Scalar {
  const unsigned = unsignedTypes.has(desc.scalar);
  switch (type.type) {
    case "string":
      return plain;
    case "bytes":
      return bytes;
    case "bool":
      return boolean;
    case "float":
      return float;
    case "int32":
      return integer(32, unsigned);
    case "int64":
      return integer(64, unsigned);
    case "timestamp":
      return timestamp;
    case "duration":
      return duration;
    case "enum":
      return enumeration(type.desc);
  }
}

export { boolean, duration, integer, plain };
