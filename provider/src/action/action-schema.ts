// What a kind's own methods are to Terraform: every one that changes one resource, and is no standard one, is an action. photoncloud_vm_reset resets a VM.
// So is a Create that is annotated as one: photoncloud_vm_snapshot_create.
import {
  type CatalogFacts as Catalog,
  type KindFacts as Kind,
  type MethodFacts as Method,
  shortMethodName,
  snakeCase,
} from "@photoncloud/proto";
import type { Attribute, Shape } from "../attribute.ts";
import { inputsOf, tenantFields } from "../schema.ts";

export interface ActionSchema {
  readonly method: Method;
  /** What it is done to. */
  readonly of: Kind;
  /** What its request is checked by. */
  readonly kind: Pick<Kind, "fields">;
  /** "photoncloud_vm_reset" */
  readonly typeName: string;
  readonly description: string;
  readonly attributes: readonly Attribute[];
}

/** Where a kind's resources have no org or project, its methods' requests have fields for them that mean nothing. */
function isMeant(kind: Kind, { name }: Attribute): boolean {
  return !tenantFields.has(name) || kind.fields.some((field) => field.name === name);
}

/** Terraform lets nothing of an action be computed or sensitive; what is written only is given to it as an ephemeral value. */
function plain(attribute: Attribute): Attribute {
  return { ...attribute, computed: false, sensitive: false, shape: plainShape(attribute.shape) };
}

function plainShape(shape: Shape): Shape {
  if (shape.kind === "scalar") return shape;
  if (shape.kind === "object") return { ...shape, attributes: shape.attributes.filter(isAsked).map(plain) };
  return { ...shape, of: plainShape(shape.of) };
}

const isAsked = ({ required, optional }: Attribute): boolean => required || optional;

/** The tenant that is left out is the provider's. */
const located = (attribute: Attribute): Attribute =>
  tenantFields.has(attribute.name) ? { ...attribute, required: false, optional: true } : attribute;

const named = (attribute: Attribute): Attribute =>
  attribute.name === "id"
    ? { ...attribute, required: true, optional: false, description: "Of the resource." }
    : attribute;

function actionSchema(of: Kind, method: Method): ActionSchema {
  const creates = method === of.standard.create;
  const fields = method.inputs;
  return {
    method,
    of,
    kind: { fields },
    typeName: `photoncloud_${of.noun}_${snakeCase(shortMethodName(method.desc.name, [of.name]))}`,
    description: creates ? `Creates one, and keeps no resource of it: ${of.comment}` : `${method.comment} (${of.noun})`,
    attributes: inputsOf(fields)
      .filter((one) => isAsked(one) && isMeant(of, one))
      .map(plain)
      .map(located)
      .map((one) => (creates ? one : named(one))),
  };
}

const methodsOf = ({ custom, queries, standard }: Kind): readonly Method[] => [
  ...(standard.create.action ? [standard.create] : []),
  ...custom.filter((method) => !queries.includes(method)),
];

/** Every action there is. */
export const actionSchemas = (catalog: Catalog): readonly ActionSchema[] =>
  catalog.kinds.flatMap((kind) => methodsOf(kind).map((method) => actionSchema(kind, method)));
