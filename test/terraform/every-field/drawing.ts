// Values that the annotations of a field allow, drawn by fast-check, as they stand in a configuration in JSON.
import { createHash } from "node:crypto";
import { type FieldFacts as Field, Format } from "@photoncloud/proto";
import fc from "fast-check";
import type { Attribute, Shape } from "../../../provider/src/attribute.ts";
import { literally } from "./literally.ts";
import { within } from "./places.ts";

export type Json = string | number | boolean | readonly Json[] | { readonly [name: string]: Json };

/** What values of one field may be drawn from, where its annotations do not say it all. */
export type Known = (drawing: Drawing) => readonly Json[];

/** A source of values: the same seed gives the same ones. */
export interface Drawing {
  /** Never the same number twice. */
  readonly unique: () => number;
  draw<T>(of: fc.Arbitrary<T>): T;
  /** What a field may hold that refers to a kind. */
  references(typeName: string): readonly string[];
  known(field: Field): Known | undefined;
  /** Whether an attribute is always written. */
  always(attribute: Attribute): boolean;
}

/** Numbers stay small: what is asked for must also be had. */
const most = 16;
const letters = "abcdefghijklmnopqrstuvwxyz";
const characters = fc.constantFrom(...letters, ..."0189 .,:-_/\"\\'<>{}$%&é日𝄞");

const text = (min: number, max: number) =>
  fc
    .string({ unit: characters, minLength: Math.max(min, 1), maxLength: Math.max(min, Math.min(max, 24)) })
    .map(literally);

/** Characters of a number that makes a text the only one of its kind. */
const numeral = 5;

/** No text of these says the same as another that is drawn in the same run. */
function formatted(format: Format, n: number): string | undefined {
  const [high, low] = [n >> 8, n & 255];
  switch (format) {
    case Format.NAME:
      return `n${n.toString(36)}`;
    case Format.CIDR:
    case Format.CIDR_V4:
      return `10.${100 + high}.${low}.0/24`;
    case Format.IP:
    case Format.IP_V4:
      return `10.${100 + high}.${low}.9`;
    case Format.MAC:
      return `02:00:00:00:${high.toString(16).padStart(2, "0")}:${low.toString(16).padStart(2, "0")}`;
    case Format.EMAIL:
      return `user-${n}@acme.example`;
    case Format.URL:
      return `https://host-${n}.example/path`;
    case Format.DIGEST:
      return `sha256:${createHash("sha256").update(String(n)).digest("hex")}`;
    default:
      return undefined;
  }
}

function stringOf(field: Field, drawing: Drawing): fc.Arbitrary<Json> {
  const options = field.options;
  if (field.reference !== "") return fc.constantFrom(...drawing.references(field.reference));
  const one = formatted(options?.format ?? Format.UNSPECIFIED, drawing.unique());
  if (one !== undefined) return fc.constant(one);
  if (options !== undefined && options.pattern !== "")
    return fc.stringMatching(new RegExp(`^(?:${options.pattern})$`)).map(literally);
  const isList = field.type.type === "list" || field.type.type === "map";
  const size = isList ? undefined : options?.size;
  const own = drawing.unique();
  return text(Number(size?.min ?? 1n), Number(size?.max ?? 64n) - numeral).map((drawn) => `${drawn}${own}`);
}

function numberOf(field: Field): fc.Arbitrary<Json> {
  const min = Number(field.options?.range?.min ?? 0n);
  return fc.integer({ min, max: Math.min(min + most, Number(field.options?.range?.max ?? 1_000n)) });
}

function scalarOf(shape: Shape & { kind: "scalar" }, field: Field | undefined, drawing: Drawing): fc.Arbitrary<Json> {
  switch (shape.scalar.name) {
    case "bool":
      return fc.boolean();
    case "duration":
      return fc.integer({ min: 5, max: 90 }).map((minutes) => `${minutes}m`);
    case "timestamp":
      return fc.integer({ min: 2, max: 6 }).map((days) => new Date(Date.now() + days * 86_400_000).toISOString());
    case "bytes":
      return text(1, 16).map((t) => Buffer.from(String(t)).toString("base64"));
    case "enum":
      return fc.constantFrom(...[...shape.scalar.allowed.matchAll(/"([^"]+)"/g)].map(([, name = ""]) => name));
    case "string":
      return field === undefined ? text(1, 16) : stringOf(field, drawing);
    default:
      return field === undefined ? fc.integer({ min: 1, max: 1000 }) : numberOf(field);
  }
}

/** As many items as the field allows, three at most, none of them twice. */
function itemsOf(of: Shape, field: Field | undefined, drawing: Drawing): fc.Arbitrary<Json> {
  const least = Math.max(1, Number(field?.options?.size?.min ?? 1n));
  const all = Array.from({ length: least + 2 }, () => shapeOf(of, field, drawing));
  return fc
    .tuple(...all)
    .map((items) => [...new Map(items.map((item) => [JSON.stringify(item), item])).values()])
    .chain((items) =>
      fc.integer({ min: Math.min(least, items.length), max: items.length }).map((n) => items.slice(0, n)),
    );
}

function entriesOf(of: Shape, field: Field | undefined, drawing: Drawing): fc.Arbitrary<Json> {
  const shown = entriesShown(field);
  if (shown !== undefined) return fc.record(shown, { requiredKeys: Object.keys(shown).slice(0, 1) });
  const named = field?.options?.keyFormat === Format.NAME;
  const keys = fc.uniqueArray(named ? fc.constantFrom("a", "b", "c-d") : fc.constantFrom("a", "b.c", "d e", "é"), {
    minLength: 1,
  });
  const entry = shapeOf(of, of.kind === "scalar" ? undefined : field, drawing);
  return keys.chain((all) => fc.tuple(...all.map((k) => entry.map((v) => [k, v] as const)))).map(Object.fromEntries);
}

/** Of a map whose keys must be among some that its example knows: as many, or more of it. */
function entriesShown(field: Field | undefined): Record<string, fc.Arbitrary<Json>> | undefined {
  const shown: unknown = field?.options?.example?.startsWith("{") ? JSON.parse(field.options.example) : undefined;
  if (typeof shown !== "object" || shown === null) return undefined;
  const entries = Object.entries(shown).map(([k, v]) => [k, fc.integer({ min: Number(v), max: Number(v) + most })]);
  return Object.fromEntries(entries);
}

function shapeOf(shape: Shape, field: Field | undefined, drawing: Drawing): fc.Arbitrary<Json> {
  switch (shape.kind) {
    case "scalar":
      return scalarOf(shape, field, drawing);
    case "object":
      return objectOf(within(shape), drawing);
    case "map":
      return entriesOf(shape.of, field, drawing);
    default:
      return itemsOf(shape.of, field, drawing);
  }
}

function objectOf(attributes: readonly Attribute[], drawing: Drawing): fc.Arbitrary<Json> {
  const written = attributes
    .filter((a) => drawing.always(a))
    .flatMap((a) => {
      const values = valuesOf(a, drawing);
      return values === undefined ? [] : [values.map((v): [string, Json] => [a.name, v])];
    });
  return fc.tuple(...written).map((entries) => Object.fromEntries(entries));
}

/** Values of an attribute; undefined: none can be known. */
export function valuesOf(attribute: Attribute, drawing: Drawing): fc.Arbitrary<Json> | undefined {
  const known = attribute.field === undefined ? undefined : drawing.known(attribute.field);
  if (known === undefined) return shapeOf(attribute.shape, attribute.field, drawing);
  const values = known(drawing);
  return values.length === 0 ? undefined : fc.constantFrom(...values);
}
