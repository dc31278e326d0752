// From the catalog to Terraform's schemas: one resource and one data source for each kind, by the annotations alone.
import type { FieldFacts as Field, TypeFacts as FieldType, KindFacts as Kind } from "@photoncloud/proto";
import type { Attribute, Shape } from "./attribute.ts";
import { describeField, describeKind, type Part } from "./description.ts";
import { duration, integer, scalarOf } from "./scalar.ts";

/** What a kind is to Terraform. */
export interface KindSchema {
  readonly kind: Kind;
  /** "photoncloud_security_group" */
  readonly typeName: string;
  readonly description: string;
  readonly attributes: readonly Attribute[];
}

/** Terraform's own words at the root of a resource. */
const reserved = new Set(["count", "for_each", "provider", "lifecycle", "depends_on", "connection", "provisioner"]);

/** The operations that have a timeout. */
export const operations = ["create", "update", "delete"] as const;
export type Operation = (typeof operations)[number];

const own: Omit<Attribute, "name" | "shape" | "description"> = {
  required: false,
  optional: true,
  computed: false,
  sensitive: false,
  writeOnly: false,
  replaces: false,
  emptyIsNull: false,
  field: undefined,
};

const timeouts: Attribute = {
  ...own,
  name: "timeouts",
  description: "How long each operation may take, waiting included.",
  shape: {
    kind: "object",
    attributes: operations.map((name) => ({
      ...own,
      name,
      shape: { kind: "scalar", scalar: duration },
      description: `How long a ${name} may take, for example "20m". Default: 20m.`,
    })),
  },
};

/** Beside each root write-only attribute: Terraform keeps no copy that could show a change, so this number says that there is one. */
const versionOf = (field: Field): Attribute => ({
  ...own,
  name: `${field.name}_version`,
  shape: { kind: "scalar", scalar: integer(64) },
  description: `Change it to send \`${field.name}\` again: Terraform stores no write-only value and sees no change in it.`,
});

type View = "resource" | "request" | "data" | "answer";
/** What a nested attribute inherits. */
interface Within {
  readonly view: View;
  readonly output: boolean;
}

const shown = (field: Field, { view }: Within): boolean =>
  (view === "answer" || !field.once) && (view === "data" ? !field.inputOnly : !field.volatile);

function partOf({ view, output }: Within): Part {
  if (output) return "answer";
  return view === "request" ? "request" : "resource";
}

function shapeOf(field: Field, type: FieldType, within: Within): Shape {
  switch (type.type) {
    case "message":
      return { kind: "object", attributes: attributesOf(type.fields, within) };
    case "list":
      return { kind: field.unordered ? "set" : "list", of: shapeOf(field, type.of, within) };
    case "map":
      return { kind: "map", of: shapeOf(field, type.of, within) };
    default:
      return { kind: "scalar", scalar: scalarOf(type, field.desc) };
  }
}

function attributeOf(field: Field, within: Within): Attribute {
  const output = within.output || field.outputOnly;
  const shape = shapeOf(field, field.type, { ...within, output });
  return {
    name: field.name,
    shape,
    required: field.required && !output,
    optional: !field.required && !output,
    computed: output || field.serverDefault,
    sensitive: field.sensitive,
    writeOnly: field.inputOnly && !output,
    replaces: field.immutable && !output,
    emptyIsNull: !field.presence && !output && !field.serverDefault,
    description: describeField(field, shape, partOf({ ...within, output })),
    field,
  };
}

function attributesOf(fields: readonly Field[], within: Within): readonly Attribute[] {
  return fields.filter((field) => shown(field, within)).map((field) => attributeOf(field, within));
}

/** Fields as what the cloud answers, all of them. */
export const outputsOf = (fields: readonly Field[]): readonly Attribute[] =>
  attributesOf(fields, { view: "data", output: true });

/** Fields as what a request takes. */
export const inputsOf = (fields: readonly Field[]): readonly Attribute[] =>
  attributesOf(fields, { view: "request", output: false });

/** Fields as what one answer tells, once: with its secrets, and without what goes on changing. */
export const answersOf = (fields: readonly Field[]): readonly Attribute[] =>
  attributesOf(fields, { view: "answer", output: true });

/** The fields that place a resource: the provider's configuration stands in where they are left out. */
export const tenantFields: ReadonlySet<string> = new Set(["org_id", "project_id"]);

/** A field whose name is Terraform's own goes by its kind's: count of a widget is widget_count. */
const renamed =
  (kind: Kind) =>
  (attribute: Attribute): Attribute =>
    reserved.has(attribute.name) ? { ...attribute, name: `${kind.noun}_${attribute.name}` } : attribute;

const defaulted = (attribute: Attribute): Attribute =>
  tenantFields.has(attribute.name)
    ? { ...attribute, optional: true, computed: true, required: false, emptyIsNull: false }
    : attribute;

function checkNames(kind: Kind, attributes: readonly Attribute[]): void {
  const seen = new Set<string>();
  for (const { name } of attributes) {
    if (seen.has(name)) throw new Error(`${kind.typeName}: two attributes would be called ${name}`);
    seen.add(name);
  }
}

/** Terraform stores all that is not write-only, as it is: the build ends here, since it reads every schema. */
function checkSecrets(kind: Kind, attributes: readonly Attribute[]): void {
  for (const { name, sensitive, writeOnly, shape } of attributes) {
    if (writeOnly) continue;
    if (sensitive)
      throw new Error(`${kind.typeName}: ${name} is a secret that Terraform would store; make it INPUT_ONLY or ONCE`);
    checkSecrets(kind, withinShape(shape));
  }
}

/** The attributes of an object, or of the objects of a list, set or map. */
export function withinShape(shape: Shape): readonly Attribute[] {
  if (shape.kind === "scalar") return [];
  return shape.kind === "object" ? shape.attributes : withinShape(shape.of);
}

/** @throws Error if two attributes have one name, or a secret would be stored */
export function checkedSchema(schema: KindSchema): KindSchema {
  checkNames(schema.kind, schema.attributes);
  checkSecrets(schema.kind, schema.attributes);
  return schema;
}

/**
 * The resource of a kind.
 *
 * @throws Error if two attributes would have one name, or a secret would be stored.
 */
export function resourceSchema(kind: Kind): KindSchema {
  const fields = attributesOf(kind.fields, { view: "resource", output: false }).map(defaulted).map(renamed(kind));
  const versions = kind.fields.filter((field) => field.inputOnly && !field.once).map(versionOf);
  const attributes = [...fields, ...versions, timeouts];
  return checkedSchema({ kind, typeName: `photoncloud_${kind.noun}`, description: describeKind(kind), attributes });
}

/** What a data source is found by, beside its tenant. */
const lookups = new Set(["id", "name"]);

/** The data source of a kind: found by id or by name, it shows all that the cloud says, also what changes by itself. */
export function dataSourceSchema(kind: Kind): KindSchema {
  const found = (attribute: Attribute): Attribute =>
    lookups.has(attribute.name) || tenantFields.has(attribute.name) ? { ...attribute, optional: true } : attribute;
  const attributes = outputsOf(kind.fields).map(found).map(renamed(kind));
  return checkedSchema({ kind, typeName: `photoncloud_${kind.noun}`, description: describeKind(kind), attributes });
}
