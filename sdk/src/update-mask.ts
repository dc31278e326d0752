// Reads from what an update gives which fields it means to change.
import type { Field } from "@photoncloud/proto";
import { isObject } from "./values.ts";

/**
 * The paths of a field mask, in JSON names: { spec: { cpu: 2 }, labels: {} } → ["spec.cpu", "labels"].
 * Messages are entered; lists and maps are whole. null means the field is to be cleared; undefined, that it is not spoken of.
 */
export function maskPaths(fields: readonly Field[], changes: Readonly<Record<string, unknown>>, prefix = ""): string[] {
  return Object.entries(changes).flatMap(([key, value]) => {
    if (value === undefined) return [];
    const type = fields.find((field) => field.localName === key)?.type;
    if (type?.type !== "message" || !isObject(value)) return [`${prefix}${key}`];
    return maskPaths(type.fields, value, `${prefix}${key}.`);
  });
}
