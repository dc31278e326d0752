// Between the engine's values and the messages of the plugin protocol.
import { type Attribute, objectType, type Shape, typeOf } from "./attribute.ts";
import { fromJson, parseJson } from "./cty/json.ts";
import { type Codec, codec } from "./cty/msgpack.ts";
import { formatPath, type Path } from "./cty/path.ts";
import { type Type, typeToJson } from "./cty/type.ts";
import { isMap, type Value, type ValueMap } from "./cty/value.ts";
import type { Diagnostic } from "./diagnostics.ts";
import type {
  AttributePath,
  DynamicValue,
  Schema_Attribute,
  Schema_Object_NestingMode,
  Diagnostic as WireDiagnostic,
} from "./plugin/gen/tfplugin6.ts";

/** Reads and writes the values of one schema. */
export class BlockCodec {
  readonly #attributes: readonly Attribute[];
  #type: Type | undefined;
  #codec: Codec | undefined;

  constructor(attributes: readonly Attribute[]) {
    this.#attributes = attributes;
  }

  get #objects(): Type {
    this.#type ??= objectType(this.#attributes);
    return this.#type;
  }

  get #compiled(): Codec {
    this.#codec ??= codec(this.#objects);
    return this.#codec;
  }

  /** Null where there is no object. @throws Error if the bytes do not fit the schema */
  decode(value: DynamicValue | undefined): ValueMap | null {
    if (value === undefined || (value.msgpack.length === 0 && value.json.length === 0)) return null;
    const decoded = value.msgpack.length > 0 ? this.#compiled.decode(value.msgpack) : this.fromJson(value.json);
    return isMap(decoded) ? decoded : null;
  }

  /** A value of a state file; attributes that the schema no longer has are dropped. */
  fromJson(json: Uint8Array): Value {
    return fromJson(this.#objects, parseJson(Buffer.from(json).toString("utf8")));
  }

  encode(value: Value): { msgpack: Buffer } {
    return { msgpack: this.#compiled.encode(value) };
  }
}

/** A path for a diagnostic or a replacement. */
export const wirePath = (path: Path): AttributePath => ({
  steps: path.map((step) => {
    if ("attribute" in step) return { selector: { $case: "attributeName", value: step.attribute } };
    if ("key" in step) return { selector: { $case: "elementKeyString", value: step.key } };
    return { selector: { $case: "elementKeyInt", value: step.index } };
  }),
});

/**
 * As much of a path as Terraform finds in the source: it follows nested blocks, but of a nested attribute only the root's own and
 * one key or index (seen with 1.11); for anything deeper it points at the whole resource.
 */
const locatable = (path: Path): Path => path.slice(0, path[1] === undefined || "attribute" in path[1] ? 1 : 2);

function wireDiagnostic({ severity, summary, detail, path = [] }: Diagnostic): WireDiagnostic {
  const located = locatable(path);
  const text = located.length === path.length ? detail : `${formatPath(path)}: ${detail}`;
  const attribute = located.length === 0 ? undefined : wirePath(located);
  return { severity: severity === "error" ? 1 : 2, summary, detail: text, attribute };
}

/** Diagnostics for an answer. What Terraform can't locate is named in the text. */
export const wireDiagnostics = (diagnostics: readonly Diagnostic[]): WireDiagnostic[] =>
  diagnostics.map(wireDiagnostic);

const nesting = { object: 1, list: 2, set: 3, map: 4 } as const satisfies Record<string, Schema_Object_NestingMode>;

function nestedType(shape: Shape): Partial<Schema_Attribute> {
  if (shape.kind === "object")
    return { nestedType: { attributes: wireAttributes(shape.attributes), nesting: nesting.object } };
  if (shape.kind !== "scalar" && shape.of.kind === "object")
    return { nestedType: { attributes: wireAttributes(shape.of.attributes), nesting: nesting[shape.kind] } };
  return { type: Buffer.from(JSON.stringify(typeToJson(typeOf(shape)))) };
}

/** Attributes as GetProviderSchema gives them. */
export function wireAttributes(attributes: readonly Attribute[]): Schema_Attribute[] {
  return attributes.map((a) => ({
    name: a.name,
    type: Buffer.alloc(0),
    description: a.description,
    required: a.required,
    optional: a.optional,
    computed: a.computed,
    sensitive: a.sensitive,
    descriptionKind: 1,
    deprecated: false,
    nestedType: undefined,
    writeOnly: a.writeOnly,
    ...nestedType(a.shape),
  }));
}
