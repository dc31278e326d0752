// Terraform's types ("cty"): what a value on the wire must conform to, and their JSON notation.

export type Type =
  | { readonly kind: "string" | "number" | "bool" | "dynamic" }
  | { readonly kind: "list" | "set" | "map"; readonly of: Type }
  | { readonly kind: "tuple"; readonly of: readonly Type[] }
  | { readonly kind: "object"; readonly fields: ReadonlyMap<string, Type> };

export const string: Type = { kind: "string" };
export const number: Type = { kind: "number" };
export const bool: Type = { kind: "bool" };
export const dynamic: Type = { kind: "dynamic" };
export const list = (of: Type): Type => ({ kind: "list", of });
export const set = (of: Type): Type => ({ kind: "set", of });
export const map = (of: Type): Type => ({ kind: "map", of });
export const tuple = (of: readonly Type[]): Type => ({ kind: "tuple", of });
export const object = (fields: Readonly<Record<string, Type>>): Type => ({
  kind: "object",
  fields: new Map(Object.entries(fields)),
});

/** The notation as a JSON value: "string", ["list", "string"], ["object", {…}]. */
export function typeToJson(type: Type): unknown {
  switch (type.kind) {
    case "list":
    case "set":
    case "map":
      return [type.kind, typeToJson(type.of)];
    case "tuple":
      return ["tuple", type.of.map(typeToJson)];
    case "object":
      return ["object", Object.fromEntries([...type.fields].map(([name, of]) => [name, typeToJson(of)]))];
    default:
      return type.kind;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Reads the notation; the third part of an object, its optional attributes, has no meaning for values.
 *
 * @throws Error if it is no type.
 */
export function typeFromJson(json: unknown): Type {
  if (json === "string" || json === "number" || json === "bool" || json === "dynamic") return { kind: json };
  if (Array.isArray(json)) {
    const [kind, of]: unknown[] = json;
    if (kind === "list" || kind === "set" || kind === "map") return { kind, of: typeFromJson(of) };
    if (kind === "tuple" && Array.isArray(of)) return tuple(of.map(typeFromJson));
    if (kind === "object" && isRecord(of)) {
      return { kind, fields: new Map(Object.entries(of).map(([name, type]) => [name, typeFromJson(type)])) };
    }
  }
  throw new Error(`no Terraform type: ${JSON.stringify(json)}`);
}
