// The flags of a kind's fields: --cidr, --security-group-ids, --spec.cpu, --labels k=v.
import { enumShortName, type Field, type FieldType } from "@photoncloud/proto";

/** One flag and the field that it sets. */
export interface Flag {
  /** "spec.image-id" */
  readonly name: string;
  /** The properties that lead to the field: ["spec", "imageId"]. */
  readonly path: readonly string[];
  /** The field's path in the proto's names: "spec.image_id". */
  readonly protoPath: string;
  readonly field: Field;
  /** Whether the command fails without it. */
  readonly required: boolean;
}

/** Tenants have flags of their own (--org, --project). */
const tenants: ReadonlySet<string> = new Set(["org_id", "project_id"]);

function kebab(name: string): string {
  return name.replaceAll("_", "-");
}

/** Which fields may be given: everything that is no output; to an update nothing immutable. */
function isGiven(field: Field, updating: boolean): boolean {
  return !field.outputOnly && !(updating && field.immutable) && !tenants.has(field.name);
}

interface Place {
  readonly names: readonly string[];
  readonly path: readonly string[];
  readonly protoPath: string;
  /** Whether everything above is required too. */
  readonly required: boolean;
}

function walk(fields: readonly Field[], updating: boolean, place: Place): Flag[] {
  return fields
    .filter((field) => isGiven(field, updating))
    .flatMap((field) => {
      const names = [...place.names, kebab(field.name)];
      const path = [...place.path, field.localName];
      const protoPath = place.protoPath === "" ? field.name : `${place.protoPath}.${field.name}`;
      const required = !updating && place.required && field.required;
      const flag = { name: names.join("."), path, protoPath, field, required };
      if (field.type.type !== "message") return [flag];
      const inner = walk(field.type.fields, updating, { names, path, protoPath, required });
      return [{ ...flag, required: false }, ...inner];
    });
}

/** The flags of create, or of update. A message has a flag of its own, which takes JSON, and one for each field inside. */
export function flagsOf(fields: readonly Field[], updating: boolean): Flag[] {
  return walk(fields, updating, { names: [], path: [], protoPath: "", required: true });
}

/** Whether being there is all that a value says: a message without fields, a member of a oneof. Its flag takes no value. */
export function isMark(type: FieldType): boolean {
  return type.type === "message" && type.fields.length === 0;
}

/** The words that an enum takes. */
export function choicesOf(type: FieldType): string[] {
  if (type.type === "list" || type.type === "map") return choicesOf(type.of);
  if (type.type === "bool") return ["true", "false"];
  if (type.type !== "enum") return [];
  return type.desc.values.map((value) => enumShortName(type.desc, value.number) ?? "").filter((word) => word !== "");
}

const placeholders: Readonly<Record<FieldType["type"], string>> = {
  string: "text",
  bytes: "base64",
  bool: "true|false",
  float: "number",
  int32: "number",
  int64: "number",
  timestamp: "time",
  duration: "1m30s",
  enum: "word",
  message: "json",
  list: "value",
  map: "key=value",
};

/** What stands for the value in the help: "cidr", "vpc", "number", "key=value". */
export function placeholderOf(field: Field): string {
  const { type } = field;
  if (type.type === "list") return type.of.type === "message" ? "json" : placeholderFor(field, type.of);
  if (type.type === "map") return type.of.type === "message" ? "key=json" : "key=value";
  return placeholderFor(field, type);
}

function placeholderFor(field: Field, type: FieldType): string {
  const choices = choicesOf(type);
  if (choices.length > 0) return choices.join("|");
  if (field.reference !== "") return kebab(snake(field.reference.slice(field.reference.lastIndexOf(".") + 1)));
  return field.options?.unit || placeholders[type.type];
}

function snake(pascal: string): string {
  return pascal.replace(/(?!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}

/** A flag's line in the help. */
export function helpOf(flag: Flag): string {
  const { field } = flag;
  const { default: filled, example, range } = field.options ?? {};
  const facts = [
    flag.required ? "required" : "",
    field.type.type === "list" || field.type.type === "map" ? "repeatable" : "",
    range?.min === undefined && range?.max === undefined ? "" : `${range.min ?? ""} to ${range.max ?? ""}`,
    filled ? `default: ${filled}` : "",
    example ? `example: ${example}` : "",
  ].filter((fact) => fact !== "");
  return [field.comment, facts.length === 0 ? "" : `(${facts.join("; ")})`].filter((part) => part !== "").join(" ");
}
