// What the cloud is asked about a change that Terraform plans.
import type { Attribute } from "./attribute.ts";
import { protoPath } from "./attribute-path.ts";
import { toJson } from "./convert.ts";
import { hasUnknown, isMap, Unknown, type Value, type ValueMap } from "./cty/value.ts";
import { isJsonObject, type JsonObject } from "./json-object.ts";

export interface PlanRequest {
  readonly resource: JsonObject;
  readonly unknownPaths: readonly string[];
}

/** Values that are written in the configuration alone, in their places. */
const withWriteOnly = (attributes: readonly Attribute[], planned: ValueMap, config: ValueMap): ValueMap =>
  new Map([
    ...planned,
    ...attributes.filter((a) => a.writeOnly).map((a): [string, Value] => [a.name, config.get(a.name) ?? null]),
  ]);

/** What the user gives for a creation, and where it shall live: nothing that was only foreseen, and no secret. */
export const given = (attributes: readonly Attribute[], planned: ValueMap, config: ValueMap): JsonObject =>
  toJson(
    attributes.filter((a) => !a.writeOnly),
    new Map(
      [...config].map(([name, value]) => [
        name,
        value === null && (name === "org_id" || name === "project_id") ? (planned.get(name) ?? null) : value,
      ]),
    ),
  );

/** Paths of what the user gives, but Terraform does not know yet. What is left out is no such value: the cloud fills it in. */
function unknownPaths(attributes: readonly Attribute[], config: ValueMap): readonly string[] {
  const paths: string[] = [];
  toJson(attributes, config, { invalid: () => {}, unknown: (path) => paths.push(protoPath(attributes, path)) });
  return paths;
}

export const planRequest = (attributes: readonly Attribute[], planned: ValueMap, config: ValueMap): PlanRequest => ({
  resource: toJson(attributes, withWriteOnly(attributes, planned, config)),
  unknownPaths: unknownPaths(attributes, config),
});

/** Kinds of values whose `default` names the value itself. */
const literal = (type: string): boolean => type === "bool" || type === "int32" || type === "int64" || type === "enum";

/** Whether the cloud may foresee something that Terraform does not know: a default that the catalog names. */
export function mayBeForeseen(attributes: readonly Attribute[], planned: ValueMap): boolean {
  return attributes.some((a) => foreseeable(a, planned.get(a.name) ?? null));
}

function foreseeable(a: Attribute, value: Value): boolean {
  if (value instanceof Unknown)
    return a.optional && a.computed && (a.field?.options?.default ?? "") !== "" && literal(a.field?.type.type ?? "");
  const within = a.shape.kind === "object" ? a.shape.attributes : [];
  return hasUnknown(value) && isMap(value) && mayBeForeseen(within, value);
}

/** The plan with what the cloud foresees in place of what was not known: only scalars that the user left to the cloud. */
export function withForeseen(attributes: readonly Attribute[], planned: ValueMap, answered: JsonObject): ValueMap {
  return new Map(
    attributes.map((a): [string, Value] => {
      const value = planned.get(a.name) ?? null;
      const json = a.field === undefined ? undefined : answered[a.field.desc.jsonName];
      return [a.name, json === undefined || json === null ? value : foreseen(a, value, json)];
    }),
  );
}

function foreseen(a: Attribute, planned: Value, json: unknown): Value {
  if (planned instanceof Unknown)
    return foreseeable(a, planned) && a.shape.kind === "scalar" ? a.shape.scalar.fromJson(json) : planned;
  if (a.shape.kind !== "object" || !isMap(planned) || !isJsonObject(json)) return planned;
  return withForeseen(a.shape.attributes, planned, json);
}
