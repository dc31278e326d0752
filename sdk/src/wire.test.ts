// The value mapping, over the test kind that has every shape a field may have.

import { inspect } from "node:util";
import { fromJson, toJson } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { testCatalog } from "@photoncloud/proto/testing";
import { messageFromWire } from "./from-wire.ts";
import { messageToWire } from "./to-wire.ts";
import { maskPaths } from "./update-mask.ts";

const widget = testCatalog().byTypeName("photoncloud.test.v1.Widget");
if (widget === undefined) throw new Error("the test catalog lacks its widget");
const { fields, desc } = widget;

/** What the user gives → the wire → a protobuf message → the wire again → what the user gets. */
function through(input: Record<string, unknown>): Record<string, unknown> {
  const wire = toJson(desc, fromJson(desc, messageToWire(fields, input)));
  return messageFromWire(fields, wire as Record<string, never>);
}

const values: readonly [string, unknown, unknown?][] = [
  ["color", "red"],
  ["note", ""],
  ["note", "words"],
  ["count", 0],
  ["count", 7],
  ["big", -9223372036854775808n],
  ["big", 5, 5n],
  ["huge", 18446744073709551615n],
  ["ratio", 0.1],
  ["ratio", Number.NaN],
  ["ratio", Number.NEGATIVE_INFINITY],
  ["enabled", false],
  ["blob", new Uint8Array([0, 255, 128])],
  ["blob", new Uint8Array()],
  ["shape", "round"],
  ["due", new Date("2026-01-31T12:00:00.123Z")],
  ["due", "2026-01-31T12:00:00+01:00", new Date("2026-01-31T11:00:00Z")],
  ["patience", "90s"],
  ["patience", "0.500s"],
  ["steps", ["b", "a"]],
  ["notes", { "a.b": "c", "": "empty" }],
  ["paint", "blue"],
  ["paint", ""],
  ["polish", 0],
];

describe("the wire", () => {
  test.each(values)("%s goes there and back: %p", (key, given, expected = given) => {
    expect(through({ [key]: given })[key]).toEqual(expected);
  });

  test("nested messages go there and back, in lists and maps too", () => {
    const part = { name: "leg", amount: 4, colors: ["red"], shape: "square" };
    const answer = through({ parts: [part], slots: { one: part }, varnish: { matte: true } });
    expect(answer).toMatchObject({ parts: [part], slots: { one: part }, varnish: { matte: true } });
  });

  test("an unset field with presence is undefined, one without is empty", () => {
    const answer = through({ color: "red" });
    expect(answer).toMatchObject({ name: "", labels: {}, steps: [], spins: 0n, nickname: "" });
    for (const absent of [
      "note",
      "count",
      "big",
      "enabled",
      "blob",
      "shape",
      "due",
      "patience",
      "size",
      "paint",
      "varnish",
    ])
      expect(answer).not.toHaveProperty(absent);
  });

  test("a sparse answer has what was on the wire alone", () => {
    expect(messageFromWire(fields, { color: "red" }, { sparse: true })).toEqual({ color: "red" });
  });

  test("a value that this SDK does not know yet is passed on in the usual form", () => {
    expect(messageFromWire(fields, { shape: "SHAPE_OVAL", later: 1 })).toMatchObject({ shape: "oval" });
  });

  test("JSON.stringify() says bigints and bytes as Protobuf JSON does", () => {
    const said = JSON.parse(JSON.stringify(through({ big: 5n, blob: new Uint8Array([1]), due: new Date(0) })));
    expect(said).toMatchObject({ big: "5", blob: "AQ==", due: "1970-01-01T00:00:00.000Z", spins: "0" });
  });

  test("a secret is readable, and redacted where it is printed", () => {
    const answer = messageFromWire(fields, { ticket: "the-secret" });
    expect(answer.ticket).toBe("the-secret");
    expect(inspect({ answer })).not.toContain("the-secret");
    expect(inspect(answer)).toContain("[redacted]");
  });
});

const mistakes: readonly [string, unknown, string, string][] = [
  ["colour", "red", "colour", "unknown"],
  ["color", 5, "color", "type"],
  ["color", null, "color", "type"],
  ["count", 1.5, "count", "type"],
  ["big", 2 ** 53, "big", "type"],
  ["enabled", "yes", "enabled", "type"],
  ["blob", "AQ==", "blob", "type"],
  ["shape", "oval", "shape", "enum"],
  ["due", "tomorrow", "due", "type"],
  ["patience", 90, "patience", "type"],
  ["steps", "one", "steps", "type"],
  ["parts", [{ name: "a", sort: 1 }], "parts[0].sort", "unknown"],
  ["slots", { web: { amount: "x" } }, 'slots["web"].amount', "type"],
];

describe("messageToWire()", () => {
  test.each(mistakes)("refuses %s = %p, naming the field", (key, value, path, rule) => {
    expect(() => messageToWire(fields, { [key]: value })).toThrow(
      expect.objectContaining({ code: "invalid_argument", violations: [expect.objectContaining({ path, rule })] }),
    );
  });

  test("refuses two members of a oneof", () => {
    expect(() => messageToWire(fields, { paint: "blue", polish: 1 })).toThrow(
      /paint is given too; give at most one of finish/,
    );
  });

  test("never repeats a secret of the wrong type", () => {
    expect(() => messageToWire(fields, { passphrase: { text: "the-secret" } })).not.toThrow(/the-secret/);
  });
});

describe("maskPaths()", () => {
  const cases: readonly [Record<string, unknown>, string[]][] = [
    [{ color: "red", note: undefined }, ["color"]],
    [{ note: null }, ["note"]],
    [{ size: { width: 2 }, tags: [] }, ["size.width", "tags"]],
    [{ size: { height: null } }, ["size.height"]],
    [{ slots: { web: { name: "a" } }, labels: {} }, ["slots", "labels"]],
    [{ size: {} }, []],
  ];
  test.each(cases)("of %p is %p", (changes, paths) => {
    expect(maskPaths(fields, changes)).toEqual(paths);
  });
});
