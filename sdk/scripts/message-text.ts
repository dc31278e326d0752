// Declares one message as TypeScript types: as answered, as given, and as given to an update.
import type { DescMessage, DescOneof } from "@bufbuild/protobuf";
import { type Field, fieldsOf } from "@photoncloud/proto";
import { docText, type Form, factsOf, messageName, typeText, type Wanted } from "./type-text.ts";

/** Whether a stored resource's answer always has the field; mirrored by src/from-wire.ts. */
function alwaysAnswered(field: Field): boolean {
  if (field.oneof !== undefined) return false;
  if (field.name === "create_time" || field.name === "update_time") return field.outputOnly;
  if (field.type.type === "timestamp" || field.type.type === "duration") return field.required;
  return (
    !field.presence || field.required || field.serverDefault || (field.outputOnly && field.type.type === "message")
  );
}

function shown(field: Field, form: Form): boolean {
  if (form === "answer") return !field.inputOnly;
  return !field.outputOnly && !(form === "update" && field.immutable);
}

/** The field's type in this form, with what stands for "not set". */
function valueText(wanted: Wanted, field: Field, form: Form): string {
  const isKindId = field.name === "id" && wanted.ids.has(field.desc.parent.typeName);
  const text = typeText(wanted, field.type, form, isKindId ? field.desc.parent.typeName : field.reference);
  if (form === "answer")
    return field.type.type === "enum" && !field.presence && !field.required ? `${text} | ""` : text;
  return form === "update" && !field.required ? `${text} | null` : text;
}

function propertyText(wanted: Wanted, field: Field, form: Form, doc: boolean): string {
  const text = valueText(wanted, field, form);
  const must = form === "answer" ? alwaysAnswered(field) : form === "input" && field.required;
  const comment = doc ? docText("  ", field.comment, ...factsOf(field)) : "";
  return `${comment}  readonly ${field.localName}${must ? `: ${text}` : `?: ${text} | undefined`};\n`;
}

/** One alternative for each member of a oneof: it may be set, the others may not. */
function oneofText(wanted: Wanted, oneof: DescOneof, members: readonly Field[], form: Form): string {
  const alternatives = members.map((chosen) => {
    const properties = members.map((member) =>
      member === chosen
        ? propertyText(wanted, member, form, true)
        : `  readonly ${member.localName}?: ${form === "update" ? "null | undefined" : "undefined"};\n`,
    );
    return `{\n${properties.join("")}}`;
  });
  return `\n/* At most one of ${oneof.name}. */\n& (${alternatives.join("\n| ")})`;
}

/** The declaration of a message in a form. */
export function messageText(wanted: Wanted, desc: DescMessage, form: Form, comment: string): string {
  const fields = fieldsOf(desc).filter((field) => shown(field, form));
  const plain = fields.filter((field) => field.oneof === undefined || form === "answer");
  const oneofs = form === "answer" ? [] : desc.oneofs;
  const alternatives = oneofs
    .map((oneof) => ({ oneof, members: fields.filter((field) => field.oneof === oneof) }))
    .filter(({ members }) => members.length > 0)
    .map(({ oneof, members }) => oneofText(wanted, oneof, members, form));
  const body = plain.map((field) => propertyText(wanted, field, form, true)).join("");
  const name = messageName(desc, form);
  const doc = docText("", comment);
  return alternatives.length === 0
    ? `${doc}export interface ${name} {\n${body}}\n`
    : `${doc}export type ${name} = {\n${body}}${alternatives.join("")};\n`;
}
