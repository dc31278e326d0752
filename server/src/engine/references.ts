// Finds what a message refers to, by the annotations alone.
import type { DescMessage, Message } from "@bufbuild/protobuf";
import {
  isReflectList,
  isReflectMap,
  isReflectMessage,
  type ReflectMessage,
  reflect,
} from "@bufbuild/protobuf/reflect";
import { elementType, type Field, fieldsOf } from "@photoncloud/proto";

/** One reference that is set. */
export interface FoundReference {
  /** Where it stands: spec.network[0].port_id, rules["web"].remote_group_id. */
  readonly path: string;
  /** The same without indexes and keys: spec.network.port_id. */
  readonly field: string;
  /** The kind referred to: "prismnet.v1.Port". */
  readonly kind: string;
  readonly id: string;
}

const known = new Map<DescMessage, readonly Field[]>();

function fieldsWithin(schema: DescMessage): readonly Field[] {
  const fields = known.get(schema) ?? fieldsOf(schema);
  known.set(schema, fields);
  return fields;
}

/** All references of a message that are set, in the order of the fields. */
export function referencesIn(schema: DescMessage, message: Message): readonly FoundReference[] {
  const found: FoundReference[] = [];
  visitMessage(reflect(schema, message), "", "", found);
  return found;
}

/** A field that may refer to another resource. */
export interface ReferenceField {
  /** Without indexes and keys: "spec.network.port_id". */
  readonly path: string;
  /** The kind that it refers to: "prismnet.v1.Port". */
  readonly kind: string;
}

/** Which reference fields a schema has. */
export function referenceFields(schema: DescMessage): readonly ReferenceField[] {
  const within = (fields: readonly Field[], prefix: string): ReferenceField[] =>
    fields.flatMap((field) => {
      const path = prefix + field.name;
      if (field.reference !== "") return [{ path, kind: field.reference }];
      const inner = elementType(field.type);
      return inner.type === "message" ? within(inner.fields, `${path}.`) : [];
    });
  return within(fieldsWithin(schema), "");
}

function visitMessage(message: ReflectMessage, path: string, plain: string, found: FoundReference[]): void {
  for (const field of fieldsWithin(message.desc))
    if (message.isSet(field.desc))
      visit(message.get(field.desc), field.reference, path + field.name, plain + field.name, found);
}

function visit(value: unknown, kind: string, path: string, field: string, found: FoundReference[]): void {
  if (isReflectMessage(value)) visitMessage(value, `${path}.`, `${field}.`, found);
  else if (isReflectList(value))
    for (const [i, item] of [...value].entries()) visit(item, kind, `${path}[${i}]`, field, found);
  else if (isReflectMap(value))
    for (const [key, item] of value) visit(item, kind, `${path}[${JSON.stringify(key)}]`, field, found);
  else if (kind !== "" && typeof value === "string" && value !== "") found.push({ path, field, kind, id: value });
}
