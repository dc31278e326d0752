// Between rows and messages: a row's bytes are what was asked for, followed by what was observed; protobuf merges them by concatenation.
import {
  clone,
  type DescField,
  type DescMessage,
  fromBinary,
  isMessage,
  type Message,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import {
  isReflectList,
  isReflectMap,
  isReflectMessage,
  type ReflectMessage,
  reflect,
} from "@bufbuild/protobuf/reflect";
import { fieldsOf } from "@photoncloud/proto";
import { type Status, StatusSchema } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import type { ResourceRow } from "../store/store.ts";

/** The bytes of the whole message: what was asked for and what was observed. */
export function wholeBytes(row: Pick<ResourceRow, "data" | "observed">): Uint8Array {
  const whole = new Uint8Array(row.data.length + row.observed.length);
  whole.set(row.data);
  whole.set(row.observed, row.data.length);
  return whole;
}

/** What was asked for, with what was observed last. */
export function messageOf<Desc extends DescMessage>(
  schema: Desc,
  row: Pick<ResourceRow, "data" | "observed">,
): MessageShape<Desc> {
  return fromBinary(schema, wholeBytes(row));
}

function statusField(schema: DescMessage): DescField & { fieldKind: "message" } {
  const field = schema.fields.find((f) => f.name === "status");
  if (field?.fieldKind !== "message" || field.message.typeName !== StatusSchema.typeName)
    throw new Error(`${schema.typeName} has no field "status" of type ${StatusSchema.typeName}, which every kind has`);
  return field;
}

/** By the bytes that hold it: what many resources stand on is asked for its status by each of them. Nobody changes a status in place. */
const statusKnown = new WeakMap<Uint8Array, { readonly status: Status | undefined }>();

/** The status that is stored with a resource; undefined before the first. */
export function storedStatus(schema: DescMessage, row: Pick<ResourceRow, "observed">): Status | undefined {
  const known = statusKnown.get(row.observed) ?? { status: statusIn(schema, row) };
  statusKnown.set(row.observed, known);
  return known.status;
}

function statusIn(schema: DescMessage, row: Pick<ResourceRow, "observed">): Status | undefined {
  const fields = reflect<DescMessage>(schema, fromBinary<DescMessage>(schema, row.observed));
  const field = statusField(schema);
  const status: Message | undefined = fields.isSet(field) ? fields.get(field).message : undefined;
  return isMessage(status, StatusSchema) ? status : undefined;
}

/** Collects what the steps of one run observe. */
export class Observations<Desc extends DescMessage> {
  readonly #schema: Desc;
  readonly #outputs = new Map<string, { readonly field: DescField; readonly value: unknown }>();

  constructor(schema: Desc) {
    this.#schema = schema;
  }

  /** Sets outputs; undefined clears one. @throws Error for what is not a volatile output: other fields belong to the tenant. */
  observe(outputs: object): void {
    const fields = volatileFields(this.#schema);
    for (const [name, value] of Object.entries(outputs)) {
      const field = fields.get(name);
      if (field === undefined)
        throw new Error(`${this.#schema.typeName}.${name} can't be observed: it is not an OUTPUT_ONLY, VOLATILE field`);
      this.#outputs.set(name, { field, value });
    }
  }

  /** The bytes to store: what is stored now (admission sets outputs too), with what was observed and a status. */
  bytes(stored: Uint8Array, status: Status): Uint8Array {
    const message: Message = fromBinary<DescMessage>(this.#schema, stored);
    const fields = reflect<DescMessage>(this.#schema, message);
    for (const [name, { field, value }] of this.#outputs) {
      fields.clear(field);
      if (value !== undefined) Object.assign(message, { [name]: value });
    }
    fields.set(statusField(this.#schema), reflect(StatusSchema, clone(StatusSchema, status)));
    return toBinary<DescMessage>(this.#schema, message);
  }
}

const volatileKnown = new Map<DescMessage, ReadonlyMap<string, DescField>>();

function volatileFields(schema: DescMessage): ReadonlyMap<string, DescField> {
  let fields = volatileKnown.get(schema);
  if (fields === undefined) {
    const outputs = fieldsOf(schema).filter(
      (f) => f.outputOnly && f.volatile && f.name !== "status" && f.name !== "etag",
    );
    fields = new Map(outputs.map((f) => [f.localName, f.desc]));
    volatileKnown.set(schema, fields);
  }
  return fields;
}

/** The bytes of a message for the log: without what is SENSITIVE, INPUT_ONLY or answered ONCE. */
export function withoutSecrets(schema: DescMessage, bytes: Uint8Array): Uint8Array {
  if (!hasSecrets(schema)) return bytes;
  const fields = reflect(schema, fromBinary(schema, bytes));
  clearSecrets(fields);
  return toBinary(schema, fields.message);
}

const secretsKnown = new Map<DescMessage, boolean>();

function hasSecrets(schema: DescMessage): boolean {
  let has = secretsKnown.get(schema);
  if (has === undefined) {
    has = fieldsOf(schema).some(
      (f) => f.sensitive || f.inputOnly || f.once || (f.desc.message !== undefined && hasSecrets(f.desc.message)),
    );
    secretsKnown.set(schema, has);
  }
  return has;
}

function clearSecrets(message: ReflectMessage): void {
  for (const field of fieldsOf(message.desc)) {
    if (field.sensitive || field.inputOnly || field.once) message.clear(field.desc);
    else if (field.desc.message !== undefined && message.isSet(field.desc)) clearWithin(message.get(field.desc));
  }
}

function clearWithin(value: unknown): void {
  if (isReflectMessage(value)) clearSecrets(value);
  else if (isReflectList(value)) for (const item of value) clearWithin(item);
  else if (isReflectMap(value)) for (const item of value.values()) clearWithin(item);
}
