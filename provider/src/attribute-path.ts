// The cloud's paths and Terraform's: the same but for attributes that had to be renamed, and for sets, whose items have no place.
import type { Attribute, Shape } from "./attribute.ts";
import { attribute as attributeStep, formatPath, type Path, parsePath, type Step } from "./cty/path.ts";

/** Attributes' paths in the proto's names: some attributes had to be renamed. */
export function protoPath(attributes: readonly Attribute[], path: Path): string {
  const [first, ...rest] = path;
  const named =
    first !== undefined && "attribute" in first ? attributes.find((a) => a.name === first.attribute) : undefined;
  return formatPath(named?.field === undefined ? path : [attributeStep(named.field.name), ...rest]);
}

const attributesIn = (shape: Shape): readonly Attribute[] => (shape.kind === "object" ? shape.attributes : []);

/** A path of the cloud's as one of the schema's, as far as Terraform can name it: a set's items have no place. */
export function attributePath(attributes: readonly Attribute[], violation: string): Path {
  const path: Step[] = [];
  let within: readonly Attribute[] = attributes;
  let shape: Shape | undefined;
  for (const step of parsePath(violation)) {
    if ("attribute" in step) {
      const found = within.find((a) => (a.field?.name ?? a.name) === step.attribute);
      if (found === undefined) break;
      path.push(attributeStep(found.name));
      shape = found.shape;
    } else {
      if (shape?.kind !== ("key" in step ? "map" : "list")) break;
      path.push(step);
      shape = shape.of;
    }
    within = attributesIn(shape);
  }
  return path;
}
