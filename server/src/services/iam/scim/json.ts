// Values as SCIM's JSON has them, read with care: they come from outside.

export type Json = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An attribute by its name, whose case means nothing (RFC 7643, section 2.1). */
export function attribute(value: Json, name: string): unknown {
  return value[keyOf(value, name)];
}

/** The spelling of a name that an object uses; the name itself where it has none. */
export function keyOf(value: Json, name: string): string {
  const wanted = name.toLowerCase();
  return Object.keys(value).find((key) => key.toLowerCase() === wanted) ?? name;
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Entra ID writes truth values as "True" and "False". */
export function truthOf(value: unknown): boolean | undefined {
  if (typeof value === "boolean") return value;
  const text = typeof value === "string" ? value.toLowerCase() : "";
  return text === "true" ? true : text === "false" ? false : undefined;
}

export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}
