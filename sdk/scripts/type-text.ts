// Turns the catalog's field types into the text of TypeScript types, and remembers which messages and enums it named.
import type { DescEnum, DescMessage } from "@bufbuild/protobuf";
import { enumShortName, type Field, type FieldType } from "@photoncloud/proto";

/** The three forms of a message: as answered, as given, as given to an update. */
export type Form = "answer" | "input" | "update";

const suffixes: Readonly<Record<Form, string>> = { answer: "", input: "Input", update: "Update" };

/** What was named and must be declared. */
export interface Wanted {
  readonly messages: Map<string, { readonly desc: DescMessage; readonly form: Form }>;
  readonly enums: Map<string, DescEnum>;
  /** The name of a kind's id type by the kind's type name. */
  readonly ids: ReadonlyMap<string, string>;
}

/** A doc comment, or nothing. */
export function docText(indent: string, ...lines: readonly string[]): string {
  const kept = lines.filter((line) => line !== "").map((line) => line.replaceAll("*/", "* /"));
  if (kept.length === 0) return "";
  if (kept.length === 1) return `${indent}/** ${kept[0]} */\n`;
  return `${indent}/**\n${kept.map((line) => `${indent} * ${line}\n`).join("")}${indent} */\n`;
}

/** The name of a message in a form: "VmSpecInput". A request is an input under its own name. */
export function messageName(desc: DescMessage, form: Form): string {
  return desc.name.endsWith("Request") ? desc.name : `${desc.name}${suffixes[form]}`;
}

function named(wanted: Wanted, desc: DescMessage, form: Form): string {
  const name = messageName(desc, form);
  const known = wanted.messages.get(name);
  if (known !== undefined && known.desc !== desc)
    throw new Error(`${desc.typeName} and ${known.desc.typeName} would both be called ${name}: rename one of them`);
  wanted.messages.set(name, { desc, form });
  return name;
}

function enumName(wanted: Wanted, desc: DescEnum): string {
  const known = wanted.enums.get(desc.name);
  if (known !== undefined && known !== desc)
    throw new Error(`${desc.typeName} and ${known.typeName} would both be called ${desc.name}: rename one of them`);
  wanted.enums.set(desc.name, desc);
  return desc.name;
}

/** The words of an enum that may be given: all but the unspecified one. */
export function enumWords(desc: DescEnum): string[] {
  return desc.values.map((value) => enumShortName(desc, value.number) ?? "").filter((word) => word !== "");
}

function scalarText(type: FieldType["type"], form: Form): string {
  switch (type) {
    case "bool":
      return "boolean";
    case "int32":
    case "float":
      return "number";
    case "int64":
      return form === "answer" ? "bigint" : "bigint | number";
    case "bytes":
      return "Uint8Array";
    case "timestamp":
      return form === "answer" ? "Date" : "Date | string";
    case "duration":
      return "Duration";
    default:
      return "string";
  }
}

/** The text of a type; elements of lists and maps are whole, in an update too. */
export function typeText(wanted: Wanted, type: FieldType, form: Form, reference = ""): string {
  const element = form === "update" ? "input" : form;
  switch (type.type) {
    case "enum":
      return enumName(wanted, type.desc);
    case "message":
      return named(wanted, type.desc, form);
    case "list":
      return `readonly ${parenthesized(typeText(wanted, type.of, element, reference))}[]`;
    case "map":
      return `Readonly<Record<string, ${typeText(wanted, type.of, element, reference)}>>`;
    case "string":
      return wanted.ids.get(reference) ?? "string";
    default:
      return scalarText(type.type, form);
  }
}

function parenthesized(text: string): string {
  return text.includes(" ") ? `(${text})` : text;
}

/** The limits and defaults of a field as sentences for its doc comment. */
export function factsOf(field: Field): string[] {
  const { options } = field;
  const facts: string[] = [];
  if (options?.unit) facts.push(`Unit: ${options.unit}.`);
  const { min, max } = options?.range ?? {};
  if (min !== undefined || max !== undefined) facts.push(`Range: ${min ?? ""}–${max ?? ""}.`);
  if (options?.default) facts.push(`Default: ${options.default}.`);
  if (options?.example) facts.push(`Example: ${options.example}`);
  return facts;
}
