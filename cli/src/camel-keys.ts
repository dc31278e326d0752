// Files may say security_group_ids or securityGroupIds; from here on it is the latter.
import type { Field, FieldType } from "@photoncloud/proto";
import { isObject } from "./plain.ts";

/** An object of a message with its fields' names in camelCase; other names stay, for the SDK to refuse. */
export function camelFields(
  fields: readonly Field[],
  value: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const field = fields.find((candidate) => candidate.name === key || candidate.localName === key);
      return field === undefined ? [key, item] : [field.localName, camelKeys(field.type, item)];
    }),
  );
}

/** A value as a file or a flag has it, with its names in camelCase and its numbers and bytes of the field's type. */
export function camelKeys(type: FieldType, value: unknown): unknown {
  if (value === null) return value;
  if (type.type === "list" && Array.isArray(value)) return value.map((item) => camelKeys(type.of, item));
  if (type.type === "message" && isObject(value)) return camelFields(type.fields, value);
  if (type.type === "map" && isObject(value))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, camelKeys(type.of, item)]));
  if (type.type === "int64" && (typeof value === "string" || typeof value === "number")) return BigInt(value);
  if (type.type === "bytes" && typeof value === "string") return new Uint8Array(Buffer.from(value, "base64"));
  return value;
}
