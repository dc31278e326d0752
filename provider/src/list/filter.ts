// What a list is narrowed by: every attribute that the cloud's filters can compare, from the catalog.
import type { TypeFacts as FieldType, KindFacts as Kind } from "@photoncloud/proto";
import type { Attribute } from "../attribute.ts";
import { attribute as attributeStep, key } from "../cty/path.ts";
import { isMap, isNumber, numberText, Unknown, type Value, type ValueMap } from "../cty/value.ts";
import { type Diagnostic, errorAt } from "../diagnostics.ts";
import { plain } from "../scalar.ts";
import { dataSourceSchema, type KindSchema, resourceSchema } from "../schema.ts";

/** Those of the types that a term of a filter compares (docs/reference: ListRequest.filter). */
const comparable: ReadonlySet<FieldType["type"]> = new Set(["string", "bool", "float", "int32", "int64", "enum"]);

function isFilter({ field, sensitive, writeOnly }: Attribute): boolean {
  if (field === undefined || sensitive || writeOnly) return false;
  return comparable.has(field.type.type === "map" ? field.type.of.type : field.type.type);
}

const asFilter = (attribute: Attribute): Attribute => ({
  ...attribute,
  required: false,
  optional: true,
  computed: false,
  replaces: false,
  description: `Only those with this value. ${attribute.description}`,
});

const filter: Attribute = {
  name: "filter",
  shape: { kind: "scalar", scalar: plain },
  required: false,
  optional: true,
  computed: false,
  sensitive: false,
  writeOnly: false,
  replaces: false,
  emptyIsNull: true,
  description:
    'A filter in the cloud\'s own words, for what lies deeper: `spec.image_id = "img-…" AND labels["env"] = "prod"`.',
  field: undefined,
};

/** What stands in the config of a kind's list block: what changes by itself is no part of a resource, and found by nobody. */
export function listSchema(kind: Kind): KindSchema {
  const schema = dataSourceSchema(kind);
  const lasting = new Set(resourceSchema(kind).attributes.map(({ name }) => name));
  const compared = schema.attributes.filter((one) => lasting.has(one.name) && isFilter(one));
  return {
    ...schema,
    description: `Finds what there is. ${schema.description}`,
    attributes: [...compared.map(asFilter), filter],
  };
}

const text = (value: Value): string => (isNumber(value) ? numberText(value) : String(value));
const term = (path: string, value: Value): string => `${path} = ${JSON.stringify(text(value))}`;

/** The filter that a block asks for: all that it says must hold. */
export function filterOf({ attributes }: KindSchema, config: ValueMap): string {
  const terms = attributes.flatMap(({ name, field }) => {
    const value = config.get(name) ?? null;
    if (value === null || field === undefined) return [];
    if (!isMap(value)) return [term(field.name, value)];
    return [...value].map(([entry, wanted]) => term(`${field.name}[${JSON.stringify(entry)}]`, wanted));
  });
  const own = config.get("filter");
  return [...terms, ...(typeof own === "string" && own !== "" ? [own] : [])].join(" AND ");
}

/** Values that nothing can have, such as an enum's unknown word. */
export function filterProblems({ attributes }: KindSchema, config: ValueMap): readonly Diagnostic[] {
  return attributes.flatMap(({ name, shape }) => {
    const value = config.get(name) ?? null;
    const scalar = shape.kind === "map" ? shape.of : shape;
    if (value === null || value instanceof Unknown || scalar.kind !== "scalar") return [];
    const path = [attributeStep(name)];
    const items = isMap(value) ? [...value].map(([k, v]) => ({ at: [...path, key(k)], v })) : [{ at: path, v: value }];
    return items.flatMap(({ at, v }) => {
      if (v instanceof Unknown) return [];
      try {
        scalar.scalar.toJson(v);
        return [];
      } catch (error) {
        return [errorAt(at, "Invalid value", `${error instanceof Error ? error.message : error}.`)];
      }
    });
  });
}
