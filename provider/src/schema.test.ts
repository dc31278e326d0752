import { describe, expect, test } from "@jest/globals";
import { catalog, type Field, type FieldType } from "@photoncloud/proto";
import { testCatalog } from "@photoncloud/proto/testing";
import { dataSourceSchemas } from "./data/index.ts";
import { pluralSchema } from "./data/plural-schema.ts";
import { listSchema } from "./list/filter.ts";
import { dataSourceSchema, resourceSchema } from "./schema.ts";

const widget = testCatalog().byNoun("widget");
if (widget === undefined) throw new Error("the test kind is missing");

type Change = (field: Field) => Field;

const isSecret: Change = (field) => ({ ...field, sensitive: true });

function within(type: FieldType, change: Change): FieldType {
  if (type.type === "list" || type.type === "map") return { ...type, of: within(type.of, change) };
  return type.type === "message" ? { ...type, fields: type.fields.map(change) } : type;
}

/** The test kind with one field changed. */
const withField = (name: string, change: Change) => ({
  ...widget,
  fields: widget.fields.map((field) => (field.name === name ? change(field) : field)),
});

describe.each([
  ["resourceSchema()", resourceSchema],
  ["dataSourceSchema()", dataSourceSchema],
  ["pluralSchema()", pluralSchema],
])("%s", (_name, schemaOf) => {
  test.each([
    ["an input", "note", isSecret],
    ["an output", "serial", isSecret],
    ["a field of an object", "size", (size: Field) => ({ ...size, type: within(size.type, isSecret) })],
    ["a field of a list's objects", "parts", (parts: Field) => ({ ...parts, type: within(parts.type, isSecret) })],
    ["a field of a map's objects", "slots", (slots: Field) => ({ ...slots, type: within(slots.type, isSecret) })],
  ])("refuses a secret that Terraform would store: %s", (_what, name, change) => {
    expect(() => schemaOf(withField(name, change))).toThrow(/is a secret that Terraform would store/);
  });

  test("finds none in the cloud's own kinds", () => {
    expect(() => catalog().kinds.map(schemaOf)).not.toThrow();
  });
});

test("resourceSchema() takes a secret that is written only, and refuses it once it is not", () => {
  const passphrase = resourceSchema(widget).attributes.find(({ name }) => name === "passphrase");
  expect(passphrase).toMatchObject({ sensitive: true, writeOnly: true });
  expect(() => resourceSchema(withField("passphrase", (field) => ({ ...field, inputOnly: false })))).toThrow(
    "test.v1.Widget: passphrase is a secret that Terraform would store; make it INPUT_ONLY or ONCE",
  );
});

test("what shows and what finds says nothing of how to ask for it", () => {
  const said = [dataSourceSchema, listSchema, pluralSchema].flatMap((schemaOf) =>
    catalog().kinds.flatMap((kind) => schemaOf(kind).attributes.map(({ description }) => description)),
  );
  expect(said.join("\n")).not.toMatch(/new resource|Write-only/);
});

test("no two data sources have one name", () => {
  const names = dataSourceSchemas(catalog()).map(({ typeName }) => typeName);
  expect(names).toHaveLength(2 * catalog().kinds.length);
  expect(new Set(names).size).toBe(names.length);
});
