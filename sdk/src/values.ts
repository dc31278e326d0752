// The value types that the SDK's plain objects use where JavaScript has none of its own.

/**
 * An id that remembers its kind. Any string may be given where an id is wanted; an id of another kind may not:
 * `cloud.vpcs.get(subnet.id)` does not compile.
 */
export type Id<Noun extends string> = string & { readonly __kind?: Noun };

/** A length of time in seconds with an "s", with up to nine decimals, as in Protobuf JSON: "90s", "0.5s". */
export type Duration = `${number}s`;

/** A plain JSON object. */
export type JsonObject = { [key: string]: Json };
/** Anything that JSON can say. */
export type Json = null | boolean | number | string | Json[] | JsonObject;

/** Whether a value is a JSON object: neither null nor an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
