// What belongs to one type name: its part of the engine, its attributes, and how its values stand on the wire.
import type { Attribute } from "./attribute.ts";
import { Problem, plainError } from "./diagnostics.ts";
import { BlockCodec } from "./wire.ts";

export interface Known<Part> {
  readonly part: Part;
  readonly attributes: readonly Attribute[];
  readonly codec: BlockCodec;
}

/** Builds what belongs to a type name at its first use. */
export function lazily<Part extends { readonly schema: { readonly attributes: readonly Attribute[] } }>(
  build: (noun: string) => Part | undefined,
): (typeName: string) => Known<Part> {
  const known = new Map<string, Known<Part>>();
  return (typeName) => {
    const found = known.get(typeName);
    if (found !== undefined) return found;
    const part = build(typeName.replace(/^photoncloud_/, ""));
    if (part === undefined)
      throw new Problem([plainError("Unknown type", `The PhotonCloud provider has no ${typeName}.`)]);
    const { attributes } = part.schema;
    const made = { part, attributes, codec: new BlockCodec(attributes) };
    known.set(typeName, made);
    return made;
  };
}
