import { describe, expect, test } from "@jest/globals";
import { patched } from "./patch.ts";

describe("patched()", () => {
  test.each([
    [{ op: "add", path: "a", value: 1 }, { a: 1 }],
    [{ op: "add", path: "list", value: [{ value: "x" }] }, { list: [{ value: "x" }] }],
    [{ op: "replace", path: "Name.Formatted", value: "n" }, { Name: { Formatted: "n" } }],
    [{ op: "remove", path: "nothing" }, {}],
  ])("does %j", (operation, expected) => {
    expect(patched({}, { Operations: [operation] })).toEqual(expected);
  });

  test.each([
    [{ op: "move", path: "a" }],
    [{ op: "remove" }],
    [{ op: "add", value: 3 }],
    [{ op: "add", path: "a[", value: 3 }],
    ["x"],
  ])("refuses %j", (operation) => {
    expect(() => patched({}, { Operations: [operation] })).toThrow(expect.objectContaining({ status: 400 }));
  });
});
