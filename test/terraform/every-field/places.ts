// Every place of a kind's block where a user may write a value, from the schema alone.
import type { Attribute, Shape } from "../../../provider/src/attribute.ts";

/** Where a value stands: "spec.network.port_id". Of a list, a set or a map that is between, it is in the one item that there is. */
export interface Place {
  /** From the root down to the attribute itself. */
  readonly attributes: readonly [Attribute, ...Attribute[]];
  /** Whether a change needs a new resource. */
  readonly replaces: boolean;
}

export const leafOf = ({ attributes }: Place): Attribute => attributes.at(-1) ?? attributes[0];

/** "spec.cpu" */
export const placeName = ({ attributes }: Place): string => attributes.map((a) => a.name).join(".");

/** The attributes within a shape: an object's own, or those of its items. */
export function within(shape: Shape): readonly Attribute[] {
  if (shape.kind === "scalar") return [];
  return shape.kind === "object" ? shape.attributes : within(shape.of);
}

const isInput = (attribute: Attribute): boolean => attribute.required || attribute.optional;

/** Every input, objects' own inputs included. An object whose parts are all that it is has no place of its own. */
export function placesOf(attributes: readonly Attribute[], above: readonly Attribute[] = []): readonly Place[] {
  return attributes.filter(isInput).flatMap((attribute) => {
    const [root = attribute, ...rest] = [...above, attribute];
    const own: Place = { attributes: [root, ...rest], replaces: [root, ...rest].some((a) => a.replaces) };
    const below = placesOf(within(attribute.shape), own.attributes);
    return attribute.shape.kind === "object" && attribute.required && below.length > 0 ? below : [own, ...below];
  });
}
