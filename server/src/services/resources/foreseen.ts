// What a plan may promise of a resource: what was given, what stays, and what the annotations name as the default. The rest is left empty.
import { clearField, type DescMessage, isMessage, type Message } from "@bufbuild/protobuf";
import { elementType, enumShortName, type Field, fieldValue } from "@photoncloud/proto";
import { sameValue } from "./fields.ts";

/** The value as `default` would say it. */
function literal(field: Field, value: unknown): string {
  if (field.type.type === "enum" && typeof value === "number") return enumShortName(field.type.desc, value) ?? "";
  return typeof value === "object" ? "" : String(value);
}

function inner(field: Field, message: Message | undefined, entry?: string): Message | undefined {
  const value = message && fieldValue(field, message);
  const one: unknown =
    entry === undefined ? value : typeof value === "object" && value !== null ? Reflect.get(value, entry) : undefined;
  return isMessage(one) ? one : undefined;
}

/** Whether the value can be told now. */
function isForeseen(field: Field, value: unknown, given: unknown, prior: unknown): boolean {
  if (prior !== undefined && sameValue(field.type, value, prior, field.unordered)) return true;
  if (field.outputOnly) return false;
  if (given !== undefined || !field.serverDefault) return true;
  return field.options !== undefined && field.options.default !== "" && field.options.default === literal(field, value);
}

/** Clears, in place and at every depth, what only the real call can tell. `given` are the caller's values, `prior` is the resource before. */
export function keepForeseen(
  fields: readonly Field[],
  message: Message,
  given: Message | undefined,
  prior: Message | undefined,
): void {
  for (const field of fields) {
    const value = fieldValue(field, message);
    if (value === undefined) continue;
    const before = prior && fieldValue(field, prior);
    if (!isForeseen(field, value, given && fieldValue(field, given), before))
      clearField<DescMessage>(message, field.desc);
    else if (field.type.type === "message") keepWithin(field, message, given, prior);
    else if ((field.type.type === "list" || field.type.type === "map") && typeof value === "object" && value !== null)
      for (const entry of Object.keys(value)) keepWithin(field, message, given, prior, entry);
  }
}

function keepWithin(
  field: Field,
  message: Message,
  given: Message | undefined,
  prior: Message | undefined,
  entry?: string,
): void {
  const type = elementType(field.type);
  const within = inner(field, message, entry);
  if (within !== undefined && type.type === "message")
    keepForeseen(type.fields, within, inner(field, given, entry), inner(field, prior, entry));
}
