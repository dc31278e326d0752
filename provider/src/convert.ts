// Between Terraform's values and the cloud's messages in protobuf's JSON (connectrpc.com/docs/protocol; protobuf.dev/programming-guides/json).
import type { Attribute, Shape } from "./attribute.ts";
import { attribute as attributeStep, index, key, type Path } from "./cty/path.ts";
import { isList, isMap, Unknown, type Value, type ValueMap } from "./cty/value.ts";
import { isJsonObject, type Json, type JsonObject } from "./json-object.ts";
import { isEmpty } from "./same.ts";

/** What a conversion meets: a value that can't be, or one that is not known yet. */
export interface Findings {
  invalid(path: Path, message: string): void;
  unknown(path: Path): void;
}

const ignore: Findings = { invalid: () => {}, unknown: () => {} };

/** Whether the user may give it: outputs are never sent. */
const isInput = (attribute: Attribute): boolean =>
  attribute.field !== undefined && (attribute.optional || attribute.required);

function shapeToJson(shape: Shape, value: Value, path: Path, findings: Findings): Json | undefined {
  if (value === null) return undefined;
  if (value instanceof Unknown) {
    findings.unknown(path);
    return undefined;
  }
  switch (shape.kind) {
    case "scalar":
      return scalarToJson(shape, value, path, findings);
    case "object":
      return isMap(value) ? toJson(shape.attributes, value, findings, path) : undefined;
    case "map":
      return isMap(value) ? mapToJson(shape.of, value, path, findings) : undefined;
    default:
      return isList(value) ? listToJson(shape.of, value, path, findings) : undefined;
  }
}

function scalarToJson(
  shape: Shape & { kind: "scalar" },
  value: Value,
  path: Path,
  findings: Findings,
): Json | undefined {
  try {
    return shape.scalar.toJson(value);
  } catch (error) {
    findings.invalid(path, error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/** Null items are errors: protobuf has none. What can't be converted leaves an empty value in its place. */
function itemToJson(of: Shape, item: Value, path: Path, findings: Findings): Json {
  if (item === null) findings.invalid(path, "null was given; leave the item out");
  return shapeToJson(of, item, path, findings) ?? (of.kind === "scalar" ? of.scalar.empty : {});
}

const mapToJson = (of: Shape, value: ValueMap, path: Path, findings: Findings): JsonObject =>
  Object.fromEntries([...value].map(([name, item]) => [name, itemToJson(of, item, [...path, key(name)], findings)]));

const listToJson = (of: Shape, value: readonly Value[], path: Path, findings: Findings): Json[] =>
  value.map((item, i) => itemToJson(of, item, [...path, index(i)], findings));

/** The message of an object's inputs; what is null or unknown is left out. Paths are in the attributes' names. */
export function toJson(
  attributes: readonly Attribute[],
  value: ValueMap,
  findings: Findings = ignore,
  path: Path = [],
): JsonObject {
  const json: JsonObject = {};
  for (const attribute of attributes.filter(isInput)) {
    const item = shapeToJson(
      attribute.shape,
      value.get(attribute.name) ?? null,
      [...path, attributeStep(attribute.name)],
      findings,
    );
    if (item !== undefined && attribute.field !== undefined) json[attribute.field.desc.jsonName] = item;
  }
  return json;
}

function shapeFromJson(shape: Shape, json: unknown): Value {
  switch (shape.kind) {
    case "scalar":
      return shape.scalar.fromJson(json);
    case "object":
      return fromJson(shape.attributes, json);
    case "map":
      return new Map(
        Object.entries(isJsonObject(json) ? json : {}).map(([name, item]) => [name, shapeFromJson(shape.of, item)]),
      );
    default:
      return Array.isArray(json) ? json.map((item: unknown) => shapeFromJson(shape.of, item)) : [];
  }
}

/** What a field without presence has when it is not on the wire. */
function zero(attribute: Attribute): Value {
  if (attribute.field === undefined || attribute.field.presence) return null;
  switch (attribute.shape.kind) {
    case "scalar":
      return zeroOf(attribute.field.type.type, attribute.shape);
    case "object":
      return null;
    case "map":
      return new Map();
    default:
      return [];
  }
}

function zeroOf(type: string, shape: Shape & { kind: "scalar" }): Value {
  if (type === "bool") return false;
  if (type === "int32" || type === "int64" || type === "float") return 0;
  return type === "enum" ? shape.scalar.fromJson(0) : "";
}

/** The value of a message: inputs that are empty are null, outputs that are empty are empty. */
export function fromJson(attributes: readonly Attribute[], json: unknown): ValueMap {
  const message = isJsonObject(json) ? json : {};
  return new Map(
    attributes.map((attribute): [string, Value] => {
      const item =
        attribute.field === undefined || attribute.writeOnly ? undefined : message[attribute.field.desc.jsonName];
      const value = item === undefined || item === null ? zero(attribute) : shapeFromJson(attribute.shape, item);
      return [attribute.name, attribute.writeOnly || isEmpty(attribute, value) ? null : value];
    }),
  );
}
