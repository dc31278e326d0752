// The catalog: every kind, field, flag and permission, read from the descriptors. Every surface reads this, never its own list.
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescOneof,
  type DescService,
  getOption,
  hasOption,
  ScalarType,
} from "@bufbuild/protobuf";
import { comments } from "./gen/comments.ts";
import { files } from "./gen/files.ts";
import {
  action as actionOption,
  Behavior,
  type Ephemeral,
  ephemeral as ephemeralOption,
  type Field as FieldOptions,
  Format,
  field as fieldOption,
  kind as kindOption,
  Open,
  open as openOption,
  permission as permissionOption,
  Scope,
} from "./gen/photoncloud/meta/v1/meta_pb.ts";
import { pascalCase } from "./names.ts";

/** The type of a field's value, as every surface maps it; the table is in docs/value-mapping.md. */
export type FieldType =
  | { readonly type: "string" | "bytes" | "bool" | "float" | "int32" | "int64" | "timestamp" | "duration" }
  | { readonly type: "enum"; readonly desc: DescEnum }
  | { readonly type: "message"; readonly desc: DescMessage; readonly fields: readonly Field[] }
  | { readonly type: "list"; readonly of: FieldType }
  | { readonly type: "map"; readonly of: FieldType };

/** One field of a kind or of a message inside it. */
export interface Field {
  readonly desc: DescField;
  /** Its name in the proto and in Terraform: "ip_address". */
  readonly name: string;
  /** Its name in TypeScript and JSON: "ipAddress". */
  readonly localName: string;
  readonly type: FieldType;
  /** The oneof that it is a member of; at most one member is set. */
  readonly oneof: DescOneof | undefined;
  /** Whether unset and empty differ on the wire. */
  readonly presence: boolean;
  readonly required: boolean;
  readonly immutable: boolean;
  readonly outputOnly: boolean;
  readonly serverDefault: boolean;
  readonly sensitive: boolean;
  readonly inputOnly: boolean;
  readonly unordered: boolean;
  readonly volatile: boolean;
  readonly once: boolean;
  /** The full message name of the kind that it refers to: "prismnet.v1.Vpc"; "" where it refers to none. */
  readonly reference: string;
  /** The field beside it whose change may change this one; "": its own alone. */
  readonly follows: string;
  readonly options: FieldOptions | undefined;
  readonly comment: string;
}

/** The methods that every kind has. */
export const standardVerbs = ["create", "get", "batchGet", "list", "update", "delete", "watch", "plan"] as const;
export type StandardVerb = (typeof standardVerbs)[number];

/** One method of a service. */
export interface Method {
  readonly desc: DescMethod;
  /** The permission that it needs; "" where `open` says who may call it. */
  readonly permission: string;
  readonly open: Open;
  /** Its answer is held while a program runs, and kept nowhere; undefined: it is not. */
  readonly ephemeral: Ephemeral | undefined;
  /** Of a kind's Create: one is also made for its own sake. */
  readonly action: boolean;
  /** The fields of its request. */
  readonly inputs: readonly Field[];
  /** The fields of its answer. */
  readonly outputs: readonly Field[];
  readonly comment: string;
}

/** A type of resource. */
export interface Kind {
  /** "prismnet.v1.SecurityGroup" */
  readonly typeName: string;
  /** "SecurityGroup" */
  readonly name: string;
  /** "prismnet" */
  readonly component: string;
  readonly desc: DescMessage;
  readonly service: DescService;
  readonly scope: Scope;
  /** "security_group" */
  readonly noun: string;
  /** "security_groups" */
  readonly plural: string;
  readonly idPrefix: string;
  readonly chosenId: boolean;
  /** Org and Project are scopes themselves; Scope.UNSPECIFIED for all others. */
  readonly isScope: Scope;
  /** Of scope ANY: not seen from the scopes below. */
  readonly ownScopeOnly: boolean;
  /** Its Plan also takes deletions. */
  readonly plansDeletion: boolean;
  readonly fields: readonly Field[];
  readonly standard: Readonly<Record<StandardVerb, Method>>;
  /** The methods beside the standard ones: AttachDevice, StartVm. */
  readonly custom: readonly Method[];
  /** Those of them that change nothing: they answer a message of their own, the others the resource. AnalyzePath. */
  readonly queries: readonly Method[];
  readonly comment: string;
}

/** Everything that the cloud is. */
export interface Catalog {
  /** Sorted by type name. */
  readonly kinds: readonly Kind[];
  readonly services: readonly DescService[];
  /** By service type name and method name: "prismnet.v1.VpcService/CreateVpc". */
  readonly methods: ReadonlyMap<string, Method>;
  byTypeName(typeName: string): Kind | undefined;
  byNoun(noun: string): Kind | undefined;
}

const timestampName = "google.protobuf.Timestamp";
const durationName = "google.protobuf.Duration";
const integers64 = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);

function scalarType(scalar: ScalarType): FieldType {
  if (scalar === ScalarType.STRING) return { type: "string" };
  if (scalar === ScalarType.BYTES) return { type: "bytes" };
  if (scalar === ScalarType.BOOL) return { type: "bool" };
  if (scalar === ScalarType.DOUBLE || scalar === ScalarType.FLOAT) return { type: "float" };
  return { type: integers64.has(scalar) ? "int64" : "int32" };
}

function messageType(desc: DescMessage, within: readonly DescMessage[]): FieldType {
  if (desc.typeName === timestampName) return { type: "timestamp" };
  if (desc.typeName === durationName) return { type: "duration" };
  if (within.includes(desc)) throw new Error(`${desc.typeName} contains itself: no surface can show that`);
  return { type: "message", desc, fields: fieldsOf(desc, within) };
}

function fieldType(desc: DescField, within: readonly DescMessage[]): FieldType {
  switch (desc.fieldKind) {
    case "scalar":
      return scalarType(desc.scalar);
    case "enum":
      return { type: "enum", desc: desc.enum };
    case "message":
      return messageType(desc.message, within);
    case "list":
      if (desc.listKind === "message") return { type: "list", of: messageType(desc.message, within) };
      return {
        type: "list",
        of: desc.listKind === "enum" ? { type: "enum", desc: desc.enum } : scalarType(desc.scalar),
      };
    case "map":
      if (desc.mapKey !== ScalarType.STRING) throw new Error(`${desc}: a map's keys must be strings`);
      if (desc.mapKind === "message") return { type: "map", of: messageType(desc.message, within) };
      return { type: "map", of: desc.mapKind === "enum" ? { type: "enum", desc: desc.enum } : scalarType(desc.scalar) };
  }
}

function readField(desc: DescField, within: readonly DescMessage[]): Field {
  const options = hasOption(desc, fieldOption) ? getOption(desc, fieldOption) : undefined;
  const is = (behavior: Behavior) => options?.behavior.includes(behavior) ?? false;
  return {
    desc,
    name: desc.name,
    localName: desc.localName,
    type: fieldType(desc, within),
    oneof: desc.oneof,
    presence: desc.presence !== 2 && desc.fieldKind !== "list" && desc.fieldKind !== "map",
    required: is(Behavior.REQUIRED),
    immutable: is(Behavior.IMMUTABLE),
    outputOnly: is(Behavior.OUTPUT_ONLY),
    serverDefault: is(Behavior.SERVER_DEFAULT),
    sensitive: is(Behavior.SENSITIVE),
    inputOnly: is(Behavior.INPUT_ONLY),
    unordered: is(Behavior.UNORDERED),
    volatile: is(Behavior.VOLATILE),
    once: is(Behavior.ONCE),
    reference: options?.reference ?? "",
    follows: options?.follows ?? "",
    options,
    comment: comments[`${desc.parent.typeName}.${desc.name}`] ?? "",
  };
}

/** The fields of a message, in the order of the proto file. */
export function fieldsOf(desc: DescMessage, within: readonly DescMessage[] = []): readonly Field[] {
  return desc.fields.map((field) => readField(field, [...within, desc]));
}

/** The type of a list's or a map's entries; any other type itself. */
export function elementType(type: FieldType): FieldType {
  return type.type === "list" || type.type === "map" ? type.of : type;
}

/** The fields of the message that a value is or, as a list or map, holds. */
export function fieldsWithin(type: FieldType): readonly Field[] {
  const element = elementType(type);
  return element.type === "message" ? element.fields : [];
}

function readMethod(desc: DescMethod): Method {
  return {
    desc,
    // Read when they are asked for, as a kind's.
    get inputs() {
      return fieldsOf(desc.input);
    },
    get outputs() {
      return fieldsOf(desc.output);
    },
    permission: getOption(desc, permissionOption),
    open: getOption(desc, openOption),
    ephemeral: hasOption(desc, ephemeralOption) ? getOption(desc, ephemeralOption) : undefined,
    action: getOption(desc, actionOption),
    comment: comments[`${desc.parent.typeName}.${desc.name}`] ?? "",
  };
}

function readKind(desc: DescMessage, service: DescService | undefined, methods: ReadonlyMap<string, Method>): Kind {
  const options = getOption(desc, kindOption);
  if (service === undefined) throw new Error(`${desc.typeName} is a kind, but there is no ${desc.typeName}Service`);
  const plural = pascalCase(options.plural);
  const method = (name: string): Method => {
    const found = methods.get(`${service.typeName}/${name}`);
    if (found === undefined) throw new Error(`${service.typeName} lacks ${name}, which every kind has`);
    return found;
  };
  const standard: Record<StandardVerb, Method> = {
    create: method(`Create${desc.name}`),
    get: method(`Get${desc.name}`),
    batchGet: method(`BatchGet${plural}`),
    list: method(`List${plural}`),
    update: method(`Update${desc.name}`),
    delete: method(`Delete${desc.name}`),
    watch: method(`Watch${plural}`),
    plan: method(`Plan${desc.name}`),
  };
  const known = new Set(Object.values(standard).map((m) => m.desc));
  const typeName = desc.typeName;
  const custom = service.methods.filter((m) => !known.has(m)).map((m) => method(m.name));
  let fields: readonly Field[] | undefined;
  return {
    typeName,
    name: desc.name,
    component: typeName.slice(0, typeName.indexOf(".")),
    desc,
    service,
    scope: options.scope,
    noun: options.noun,
    plural: options.plural,
    idPrefix: options.idPrefix,
    chosenId: options.chosenId,
    isScope: options.isScope,
    ownScopeOnly: options.ownScopeOnly,
    plansDeletion: standard.plan.desc.input.fields.some(({ name }) => name === "deletion"),
    // Read when they are asked for: a program that is started for one resource reads one kind's.
    get fields() {
      fields ??= fieldsOf(desc);
      return fields;
    },
    standard,
    custom,
    queries: custom.filter((m) => m.desc.output.typeName !== typeName),
    comment: comments[typeName] ?? "",
  };
}

/**
 * Reads a catalog from files.
 *
 * @throws Error if a kind lacks its service or one of the standard methods. Reading a kind's fields throws if it has one that no surface can show.
 */
export function readCatalog(from: readonly { messages: DescMessage[]; services: DescService[] }[]): Catalog {
  const services = from.flatMap((file) => file.services);
  const methods = new Map<string, Method>();
  for (const service of services)
    for (const method of service.methods) methods.set(`${service.typeName}/${method.name}`, readMethod(method));
  const kinds = from
    .flatMap((file) => file.messages)
    .filter((message) => hasOption(message, kindOption))
    .map((message) =>
      readKind(
        message,
        services.find((s) => s.typeName === `${message.typeName}Service`),
        methods,
      ),
    )
    .sort((a, b) => (a.typeName < b.typeName ? -1 : 1));
  const byTypeName = new Map(kinds.map((kind) => [kind.typeName, kind]));
  const byNoun = new Map(kinds.map((kind) => [kind.noun, kind]));
  return {
    kinds,
    services,
    methods,
    byTypeName: (typeName) => byTypeName.get(typeName),
    byNoun: (noun) => byNoun.get(noun),
  };
}

let whole: Catalog | undefined;

/** The catalog of PhotonCloud; read once, at the first call. */
export function catalog(): Catalog {
  whole ??= readCatalog(files);
  return whole;
}

export { Format, Open, Scope };
