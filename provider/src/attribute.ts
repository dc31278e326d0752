// One attribute of a Terraform schema, as the engine sees it: its shape, its flags, and the catalog's field behind it.
import type { FieldFacts as Field } from "@photoncloud/proto";
import { list, map, set, type Type } from "./cty/type.ts";
import type { Scalar } from "./scalar.ts";

/** What a value is made of. Objects are nested attributes; lists, sets and maps of objects too. */
export type Shape =
  | { readonly kind: "scalar"; readonly scalar: Scalar }
  | { readonly kind: "object"; readonly attributes: readonly Attribute[] }
  | { readonly kind: "list" | "set" | "map"; readonly of: Shape };

export interface Attribute {
  readonly name: string;
  readonly shape: Shape;
  readonly required: boolean;
  readonly optional: boolean;
  readonly computed: boolean;
  readonly sensitive: boolean;
  readonly writeOnly: boolean;
  /** A change needs a new resource. */
  readonly replaces: boolean;
  /** Its null and its empty value are one to the cloud. */
  readonly emptyIsNull: boolean;
  readonly description: string;
  /** Undefined for what the provider adds: timeouts and the versions of write-only attributes. */
  readonly field: Field | undefined;
}

/** The type of a shape's values. */
export function typeOf(shape: Shape): Type {
  switch (shape.kind) {
    case "scalar":
      return shape.scalar.type;
    case "object":
      return objectType(shape.attributes);
    case "list":
      return list(typeOf(shape.of));
    case "set":
      return set(typeOf(shape.of));
    case "map":
      return map(typeOf(shape.of));
  }
}

/** The type of an object with these attributes. */
export function objectType(attributes: readonly Attribute[]): Type {
  return { kind: "object", fields: new Map(attributes.map((attribute) => [attribute.name, typeOf(attribute.shape)])) };
}
