// What a kind's own methods are to Terraform: every one that changes one resource, and is no standard one, is an action. photoncloud_vm_reset resets a VM.
import { type Catalog, fieldsOf, type Kind, type Method, shortMethodName, snakeCase } from "@photoncloud/proto";
import type { Attribute } from "../attribute.ts";
import { inputsOf, tenantFields } from "../schema.ts";

export interface ActionSchema {
  readonly method: Method;
  /** What it is done to. */
  readonly of: Kind;
  /** What its request is checked by. */
  readonly kind: Pick<Kind, "desc" | "fields">;
  /** "photoncloud_vm_reset" */
  readonly typeName: string;
  readonly description: string;
  readonly attributes: readonly Attribute[];
}

/** Where a kind's resources have no org or project, its methods' requests have fields for them that mean nothing. */
function isMeant(kind: Kind, { name }: Attribute): boolean {
  return !tenantFields.has(name) || kind.fields.some((field) => field.name === name);
}

/** An action computes nothing: the tenant that is left out is the provider's all the same. */
function asked(attribute: Attribute): Attribute {
  const isId = attribute.name === "id";
  const isTenant = tenantFields.has(attribute.name);
  return {
    ...attribute,
    computed: false,
    required: isId || (attribute.required && !isTenant),
    optional: !isId && (isTenant || attribute.optional),
    ...(isId && { description: "Of the resource." }),
  };
}

function actionSchema(of: Kind, method: Method): ActionSchema {
  const fields = fieldsOf(method.desc.input);
  return {
    ...{ method, of, kind: { desc: method.desc.input, fields } },
    typeName: `photoncloud_${of.noun}_${snakeCase(shortMethodName(method.desc.name, [of.name]))}`,
    description: `${method.comment} (${of.noun})`,
    attributes: inputsOf(fields)
      .filter((one) => isMeant(of, one))
      .map(asked),
  };
}

/** Every action there is. */
export const actionSchemas = (catalog: Catalog): readonly ActionSchema[] =>
  catalog.kinds.flatMap((kind) =>
    kind.custom.filter((method) => !kind.queries.includes(method)).map((method) => actionSchema(kind, method)),
  );
