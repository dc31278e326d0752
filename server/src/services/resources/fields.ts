// Reading, writing and comparing a message's fields by the catalog's words, at every depth.
import { clearField, type DescMessage, isMessage, type Message } from "@bufbuild/protobuf";
import { type Field, type FieldType, fieldValue } from "@photoncloud/proto";

/** Sets a field, or clears it with undefined. The value is not copied. */
export function writeField(message: Message, field: Field, value: unknown): void {
  if (value === undefined) clearField<DescMessage>(message, field.desc);
  else if (field.oneof !== undefined) Reflect.set(message, field.oneof.localName, { case: field.localName, value });
  else Reflect.set(message, field.localName, value);
}

/** A message type's fields where a value is a message, a list of them or a map of them; otherwise undefined. */
function fieldsWithin(type: FieldType): readonly Field[] | undefined {
  if (type.type === "list" || type.type === "map") return fieldsWithin(type.of);
  return type.type === "message" ? type.fields : undefined;
}

/** The messages that a field's value consists of. */
function messagesIn(value: unknown): readonly Message[] {
  if (isMessage(value)) return [value];
  if (Array.isArray(value)) return value.filter((element) => isMessage(element));
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).filter((element) => isMessage(element));
}

/** Clears every field that `drop` names, in place and at every depth. */
export function prune(fields: readonly Field[], message: Message, drop: (field: Field) => boolean): void {
  for (const field of fields) {
    if (drop(field)) clearField<DescMessage>(message, field.desc);
    else {
      const within = fieldsWithin(field.type);
      if (within !== undefined) for (const inner of messagesIn(fieldValue(field, message))) prune(within, inner, drop);
    }
  }
}

/** Drops what the schema does not know, in place: a caller must not store what a later schema would read as something else. */
function dropUnknown(fields: readonly Field[], message: Message): void {
  message.$unknown = undefined;
  for (const field of fields) {
    const within = fieldsWithin(field.type);
    if (within !== undefined) for (const inner of messagesIn(fieldValue(field, message))) dropUnknown(within, inner);
  }
}

/** Leaves of what a caller sent what a caller may say: no outputs, and nothing that the schema does not know. */
export function keepInputs(fields: readonly Field[], message: Message): void {
  prune(fields, message, (field) => field.outputOnly);
  dropUnknown(fields, message);
}

/** What is no part of what was asked for: stored apart, kept as a secret, or answered once. */
export const isApart = (field: Field): boolean => (field.outputOnly && field.volatile) || field.inputOnly || field.once;
/** What the log must not hold. */
export const isSecret = (field: Field): boolean => field.sensitive || field.inputOnly || field.once;

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Timestamps and durations: both have seconds and nanos. */
function sameTime(a: unknown, b: unknown): boolean {
  if (!isMessage(a) || !isMessage(b)) return false;
  return Reflect.get(a, "seconds") === Reflect.get(b, "seconds") && Reflect.get(a, "nanos") === Reflect.get(b, "nanos");
}

function sameInOrder(of: FieldType, a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.every((element, i) => sameValue(of, element, b[i]));
}

/** Each element of `a` has a partner of its own in `b`. */
function sameInAnyOrder(of: FieldType, a: readonly unknown[], b: readonly unknown[]): boolean {
  const left = [...b];
  return a.every((element) => {
    const at = left.findIndex((other) => sameValue(of, element, other));
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

function sameEntries(of: FieldType, a: object, b: object): boolean {
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && sameValue(of, Reflect.get(a, key), Reflect.get(b, key)))
  );
}

/** Whether two values of a type are equal; both may be undefined for "unset". */
export function sameValue(type: FieldType, a: unknown, b: unknown, unordered = false): boolean {
  if (a === undefined || b === undefined) return a === b;
  switch (type.type) {
    case "bytes":
      return a instanceof Uint8Array && b instanceof Uint8Array && sameBytes(a, b);
    case "timestamp":
    case "duration":
      return sameTime(a, b);
    case "message":
      return isMessage(a) && isMessage(b) && sameMessage(type.fields, a, b);
    case "list":
      if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
      return unordered ? sameInAnyOrder(type.of, a, b) : sameInOrder(type.of, a, b);
    case "map":
      return typeof a === "object" && typeof b === "object" && a !== null && b !== null && sameEntries(type.of, a, b);
    default:
      return Object.is(a, b);
  }
}

/** Whether a field is the same in two messages; an UNORDERED one as a set. */
export function sameField(field: Field, a: Message, b: Message): boolean {
  return sameValue(field.type, fieldValue(field, a), fieldValue(field, b), field.unordered);
}

/** Whether two messages are the same but for the fields that `skip` names. */
export function sameMessage(
  fields: readonly Field[],
  a: Message,
  b: Message,
  skip: (field: Field) => boolean = () => false,
): boolean {
  return fields.every((field) => skip(field) || sameField(field, a, b));
}
