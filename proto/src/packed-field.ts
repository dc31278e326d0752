// Fields of messages in JSON: what is as in most fields is left out.
import type { EnumFacts, FieldFacts, Limits, OneofFacts, RuleFacts, TypeFacts } from "./facts.ts";
import { camelCase } from "./names.ts";
import { noRules } from "./validate.ts";

/** JSON has no large whole numbers. */
type PackedLimits = Readonly<Partial<Record<keyof Limits, string>>>;
type Ruled = Omit<RuleFacts, Limited>;
type Limited = "size" | "range";
type PackedRules = Partial<Ruled> & Readonly<Partial<Record<Limited, PackedLimits>>>;
type Holding = { readonly type: "message" } | { readonly type: "list" | "map" };
type PackedType =
  | Exclude<TypeFacts, Holding>
  | { readonly type: "message"; readonly fields: readonly PackedField[] }
  | { readonly type: "list" | "map"; readonly of: PackedType };
type Named = "name" | "localName" | "desc";

export type PackedField = Pick<FieldFacts, "name"> &
  Partial<Omit<FieldFacts, Named | "type" | "options">> & {
    readonly localName?: string;
    readonly jsonName?: string;
    readonly scalar?: FieldFacts["desc"]["scalar"];
    readonly within: string;
    readonly type: PackedType;
    readonly options?: PackedRules | undefined;
  };

/** Of a field that nothing is said of. */
const usual: Omit<FieldFacts, Named | "type" | "options"> = {
  oneof: undefined,
  presence: false,
  required: false,
  immutable: false,
  outputOnly: false,
  serverDefault: false,
  sensitive: false,
  inputOnly: false,
  unordered: false,
  volatile: false,
  once: false,
  reference: "",
  comment: "",
  follows: "",
};

/** What differs from the usual, of what the usual has. */
function unusual<Facts extends object>(facts: Facts, most: Facts): Partial<Facts> {
  const names = Object.keys(most).filter((name) => Reflect.get(facts, name) !== Reflect.get(most, name));
  const entries = names.map((name) => [name, Reflect.get(facts, name)]);
  return Object.fromEntries(entries) as Partial<Facts>;
}

const packLimits = ({ min, max }: Limits): PackedLimits => ({
  ...(min !== undefined && { min: `${min}` }),
  ...(max !== undefined && { max: `${max}` }),
});

const unpackLimits = ({ min, max }: PackedLimits): Limits => ({
  ...(min !== undefined && { min: BigInt(min) }),
  ...(max !== undefined && { max: BigInt(max) }),
});

const packRules = ({ size, range, ...rules }: RuleFacts): PackedRules => ({
  ...unusual<Ruled>(rules, noRules),
  ...(size && { size: packLimits(size) }),
  ...(range && { range: packLimits(range) }),
});

const unpackRules = ({ size, range, ...rules }: PackedRules): RuleFacts => ({
  ...noRules,
  ...rules,
  ...(size && { size: unpackLimits(size) }),
  ...(range && { range: unpackLimits(range) }),
});

const plainEnum = ({ sharedPrefix, values }: EnumFacts): EnumFacts => ({
  sharedPrefix,
  values: values.map(({ name, number }) => ({ name, number })),
});

const plainOneof = ({ name, localName, fields }: OneofFacts): OneofFacts => ({
  name,
  localName,
  fields: fields.map((field) => ({ name: field.name })),
});

function packType(type: TypeFacts): PackedType {
  switch (type.type) {
    case "enum":
      return { type: "enum", desc: plainEnum(type.desc) };
    case "message":
      return { type: "message", fields: packFields(type.fields) };
    case "list":
    case "map":
      return { type: type.type, of: packType(type.of) };
    default:
      return type;
  }
}

function unpackType(type: PackedType): TypeFacts {
  switch (type.type) {
    case "message":
      return { type: "message", fields: unpackFields(type.fields) };
    case "list":
    case "map":
      return { type: type.type, of: unpackType(type.of) };
    default:
      return type;
  }
}

/** Comments are for schemas and docs, which are made from the descriptors. */
function packField(field: FieldFacts): PackedField {
  const { name, localName, desc, oneof, options, type } = field;
  return {
    name,
    within: desc.parent.typeName,
    type: packType(type),
    ...unusual({ ...field, comment: "" }, usual),
    ...(oneof && { oneof: plainOneof(oneof) }),
    ...(localName !== camelCase(name) && { localName }),
    ...(desc.jsonName !== camelCase(name) && { jsonName: desc.jsonName }),
    ...(desc.scalar !== undefined && { scalar: desc.scalar }),
    ...(options && { options: packRules(options) }),
  };
}

function unpackField({ name, localName, jsonName, scalar, within, type, options, ...rest }: PackedField): FieldFacts {
  const usually = camelCase(name);
  return {
    ...usual,
    ...rest,
    name,
    localName: localName ?? usually,
    type: unpackType(type),
    desc: { jsonName: jsonName ?? usually, scalar, parent: { typeName: within } },
    options: options && unpackRules(options),
  };
}

export const packFields = (fields: readonly FieldFacts[]): readonly PackedField[] => fields.map(packField);
export const unpackFields = (fields: readonly PackedField[]): readonly FieldFacts[] => fields.map(unpackField);
