// For tests: the kind that has every shape, and its values written as plain objects.
import { testCatalog } from "@photoncloud/proto/testing";
import type { Attribute, Shape } from "../attribute.ts";
import { isMap, Unknown, type Value, type ValueMap } from "../cty/value.ts";
import { settle } from "../merge.ts";
import { plan } from "../plan.ts";
import { resourceSchema } from "../schema.ts";

const found = testCatalog().byNoun("widget");
if (found === undefined) throw new Error("the test kind is missing");

export const widget = found;
export const { attributes } = resourceSchema(widget);

export function toValue(json: unknown): Value {
  if (json instanceof Unknown) return json;
  if (Array.isArray(json)) return json.map(toValue);
  if (typeof json === "object" && json !== null) return new Map(Object.entries(json).map(([k, v]) => [k, toValue(v)]));
  return json as Value;
}

/** Fills in the attributes that a block leaves out. */
export function complete(within: readonly Attribute[], value: Value): ValueMap {
  const given = isMap(value) ? value : new Map<string, Value>();
  return new Map(within.map((a): [string, Value] => [a.name, completeShape(a.shape, given.get(a.name) ?? null)]));
}

export function completeShape(shape: Shape, value: Value): Value {
  if (shape.kind === "object" && isMap(value)) return complete(shape.attributes, value);
  if (shape.kind === "map" && isMap(value)) return new Map([...value].map(([k, v]) => [k, completeShape(shape.of, v)]));
  if ((shape.kind === "list" || shape.kind === "set") && Array.isArray(value))
    return value.map((v: Value) => completeShape(shape.of, v));
  return value;
}

/** A widget's block. */
export const config = (block: Readonly<Record<string, unknown>>): ValueMap => complete(attributes, toValue(block));

/** A value as a plain object; "?" stands for what is not known. */
export function show(value: Value): unknown {
  if (isMap(value)) return Object.fromEntries([...value].map(([k, v]) => [k, show(v)]));
  if (Array.isArray(value)) return value.map(show);
  return value instanceof Unknown ? "?" : value;
}

export const basic = { name: "gear", color: "red", org_id: "acme", project_id: "web" };
/** What a cloud adds to it. */
const made = {
  id: "widget-1",
  create_time: "2026-01-01T00:00:00Z",
  owner: "user:acme/alice",
  nickname: "gear",
  serial: "s-1",
};

/** The state of a widget that was made from a block. */
export const stateOf = (
  block: Readonly<Record<string, unknown>>,
  more: Readonly<Record<string, unknown>> = {},
): ValueMap => settle(attributes, plan(attributes, null, config(block)).planned, config({ ...made, ...more }));
