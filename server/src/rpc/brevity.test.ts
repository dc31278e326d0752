// What is too long to travel is cut, never broken.
import { expect, test } from "@jest/globals";
import { brief, shortened } from "./brevity.ts";

const texts: readonly [string, number, string][] = [
  ["short", 10, "short"],
  ["exactly ten", 11, "exactly ten"],
  ["a long sentence", 10, "a long …"],
  ["日本語の名前", 12, "日本語…"],
  ["🎨🎨🎨", 10, "🎨…"],
];

test.each(texts)("shortened(%s, %d) is %s", (text, bytes, expected) => {
  expect(shortened(text, bytes)).toBe(expected);
  expect(Buffer.byteLength(expected)).toBeLessThanOrEqual(bytes);
});

test("brief() fits into the 8 KiB of headers that gRPC clients take, whatever was found wrong", () => {
  const violations = Array.from({ length: 50 }, (_, i) => ({
    path: `p${i}`.repeat(500),
    rule: "size",
    message: "ü".repeat(5_000),
  }));
  const resources = Array.from({ length: 1_000 }, () => "org/acme".repeat(1_000));
  const { message, violations: shown, resources: named } = brief("x".repeat(4_000_000), { violations, resources });
  expect(Buffer.byteLength(JSON.stringify({ message, shown, named }))).toBeLessThan(4_800);
  expect(shown[0]?.path).toMatch(/^p0p0/);
  expect(named).toHaveLength(3);
});

test("brief() leaves what is short as it is", () => {
  const violations = [{ path: "name", rule: "format", message: "wrong" }];
  expect(brief("name: wrong", { violations })).toEqual({
    message: "name: wrong",
    violations,
    resources: [],
    permission: "",
  });
});
