// What can be said about a resource's configuration without asking the cloud; what is unknown is not looked at.
import { type KindFacts as Kind, validate } from "@photoncloud/proto";
import type { Attribute, Shape } from "./attribute.ts";
import { attributePath, protoPath } from "./attribute-path.ts";
import { toJson } from "./convert.ts";
import { attribute as attributeStep, formatPath, index, key, type Path } from "./cty/path.ts";
import { isList, isMap, Unknown, type Value, type ValueMap } from "./cty/value.ts";
import { type Diagnostic, errorAt } from "./diagnostics.ts";
import { messageOf } from "./message.ts";
import type { KindSchema } from "./schema.ts";

/** What Terraform can do; older versions would store write-only values in the state. */
export interface ClientAbilities {
  readonly writeOnly: boolean;
}

type Visit = (attribute: Attribute, value: Value, path: Path) => void;

/** Walks every attribute that has a value. */
function walk(attributes: readonly Attribute[], value: ValueMap, path: Path, visit: Visit): void {
  for (const attribute of attributes) {
    const item = value.get(attribute.name) ?? null;
    if (item === null) continue;
    const at = [...path, attributeStep(attribute.name)];
    visit(attribute, item, at);
    walkShape(attribute.shape, item, at, visit);
  }
}

function walkShape(shape: Shape, value: Value, path: Path, visit: Visit): void {
  if (shape.kind === "object" && isMap(value)) walk(shape.attributes, value, path, visit);
  if (shape.kind === "map" && isMap(value))
    for (const [k, item] of value) walkShape(shape.of, item, [...path, key(k)], visit);
  if (shape.kind !== "object" && shape.kind !== "map" && shape.kind !== "scalar" && isList(value))
    for (const [i, item] of value.entries()) walkShape(shape.of, item, [...path, index(i)], visit);
}

/** At most one member of a oneof; an unknown one may still turn out to be null. */
function oneofProblems(attributes: readonly Attribute[], config: ValueMap): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const seen = new Map<string, string>();
  walk(attributes, config, [], (attribute, value, path) => {
    const { oneof } = attribute.field ?? {};
    if (oneof === undefined || value instanceof Unknown) return;
    const group = `${formatPath(path.slice(0, -1))} ${oneof.name}`;
    const other = seen.get(group);
    seen.set(group, attribute.name);
    if (other !== undefined)
      diagnostics.push(
        errorAt(
          path,
          "Too many are given",
          `${other} is given too; at most one of ${oneof.fields.map((f) => f.name).join(", ")} is allowed.`,
        ),
      );
  });
  return diagnostics;
}

function writeOnlyProblems(attributes: readonly Attribute[], config: ValueMap, client: ClientAbilities): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  walk(attributes, config, [], (attribute, _value, path) => {
    if (attribute.writeOnly && !client.writeOnly)
      diagnostics.push(
        errorAt(
          path,
          "Terraform is too old for this attribute",
          `${attribute.name} is write-only, so that it never reaches the state: that needs Terraform 1.11 or newer.`,
        ),
      );
  });
  return diagnostics;
}

/** Attributes of the provider's own: the timeouts. */
function ownProblems(attributes: readonly Attribute[], config: ValueMap): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const own = attributes.filter((a) => a.field === undefined);
  walk(own, config, [], (attribute, value, path) => {
    if (attribute.shape.kind !== "scalar" || value instanceof Unknown) return;
    try {
      attribute.shape.scalar.toJson(value);
    } catch (error) {
      diagnostics.push(errorAt(path, "Invalid value", `${error instanceof Error ? error.message : error}.`));
    }
  });
  return diagnostics;
}

/** What a block's values become. */
type Message = Pick<Kind, "fields">;

function ruleProblems(kind: Message, attributes: readonly Attribute[], config: ValueMap): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const skip = new Set<string>();
  const json = toJson(attributes, config, {
    invalid(path, message) {
      diagnostics.push(errorAt(attributePath(attributes, protoPath(attributes, path)), "Invalid value", `${message}.`));
      skip.add(protoPath(attributes, path));
    },
    unknown: (path) => skip.add(protoPath(attributes, path)),
  });
  for (const { path, rule, message: text } of validate(kind.fields, messageOf(kind.fields, json), skip)) {
    const at = attributePath(attributes, path);
    const named = protoPath(attributes, at) === path ? "" : `${path}: `;
    diagnostics.push(errorAt(at, `Invalid value (${rule})`, `${named}${text}.`));
  }
  return diagnostics;
}

/** Everything that is wrong with a configuration, all at once. */
export function validateConfig(
  schema: Pick<KindSchema, "attributes"> & { readonly kind: Message },
  config: ValueMap,
  client: ClientAbilities,
): readonly Diagnostic[] {
  return [
    ...oneofProblems(schema.attributes, config),
    ...writeOnlyProblems(schema.attributes, config, client),
    ...ownProblems(schema.attributes, config),
    ...ruleProblems(schema.kind, schema.attributes, config),
  ];
}
