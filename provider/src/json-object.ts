// Protobuf's JSON, as the cloud's calls take and answer it.

export type Json = null | string | number | boolean | Json[] | JsonObject;
export type JsonObject = { [key: string]: Json };

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A property that is text; "" where it is missing. */
export function textOf(value: unknown, name: string): string {
  const found = isJsonObject(value) ? value[name] : undefined;
  return typeof found === "string" ? found : "";
}

/** The texts of a list; [] where there is none. */
export function textsOf(value: unknown, name: string): readonly string[] {
  const found = isJsonObject(value) ? value[name] : undefined;
  return Array.isArray(found) ? found.filter((one) => typeof one === "string") : [];
}
