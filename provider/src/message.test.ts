// Messages made by the catalog alone, against those that protobuf-es makes.
import { fromJson } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { fieldValue, validate } from "@photoncloud/proto";
import { testCatalog } from "@photoncloud/proto/testing";
import type { JsonObject } from "./json-object.ts";
import { messageOf } from "./message.ts";

const widget = testCatalog().byNoun("widget");
if (widget === undefined) throw new Error("the test catalog lacks its widget");
const { desc, fields } = widget;

const cases: readonly JsonObject[] = [
  {},
  { name: "a", big: "-9223372036854775808", huge: "18446744073709551615", ratio: 0.1, enabled: true, blob: "AP+A" },
  { name: "a", shape: 2, size: { width: 5, height: 0 }, parts: [{ name: "x", colors: ["red"], shape: 1 }], polish: 3 },
  { name: "a", slots: { good: { name: "y", amount: 1 }, "not good": {} }, varnish: { layers: 99 }, tags: ["b", "b"] },
  { name: "a", due: "1969-12-31T23:59:59.250Z", patience: "-1.500s" },
  { name: "a", due: "2026-01-31T12:00:00.123Z", patience: "90s", color: "red", note: "" },
];

test.each(cases.map((json) => [JSON.stringify(json), json] as const))("messageOf() reads %s", (_, json) => {
  const [made, theirs] = [messageOf(fields, json), fromJson(desc, json)];
  const given = (message: object) => fields.filter((field) => fieldValue(field, message) !== undefined);
  expect(given(made)).toEqual(given(theirs));
  expect(validate(fields, made)).toEqual(validate(fields, theirs));
});
