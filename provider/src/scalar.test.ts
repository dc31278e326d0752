import { describe, expect, test } from "@jest/globals";
import { testCatalog } from "@photoncloud/proto/testing";
import { Decimal } from "./cty/decimal.ts";
import type { Value } from "./cty/value.ts";
import { scalarOf } from "./scalar.ts";
import { formatDuration, formatTimestamp, parseDuration, parseTimestamp } from "./time.ts";

const widget = testCatalog().byNoun("widget");

/** The scalar of one of the widget's fields. */
function scalar(name: string) {
  const field = widget?.fields.find((one) => one.name === name);
  const type = field?.type;
  if (
    field === undefined ||
    type === undefined ||
    type.type === "message" ||
    type.type === "list" ||
    type.type === "map"
  )
    throw new Error(`${name} is no scalar`);
  return scalarOf(type, field.desc);
}

describe("a scalar goes to the cloud and back", () => {
  const rows: readonly [string, Value, unknown, Value][] = [
    ["note", "é", "é", "é"],
    ["enabled", true, true, true],
    ["count", 3, 3, 3],
    ["count", new Decimal("1e2"), 100, 100],
    ["big", 2n ** 53n + 1n, "9007199254740993", 2n ** 53n + 1n],
    ["big", -5, "-5", -5],
    ["huge", new Decimal("18446744073709551615"), "18446744073709551615", 2n ** 64n - 1n],
    ["ratio", new Decimal("0.1"), 0.1, 0.1],
    ["blob", "YQ", "YQ==", "YQ=="],
    ["due", "2026-01-01T09:00:00.5+09:00", "2026-01-01T00:00:00.500Z", "2026-01-01T00:00:00.500Z"],
    ["patience", "1h30m", "5400s", "1h30m"],
    ["patience", "1.5s", "1.500000000s", "1.5s"],
    ["shape", "round", 1, "round"],
  ];
  test.each(rows)("%s %p", (name, value, json, back) => {
    expect(scalar(name).toJson(value)).toEqual(json);
    expect(scalar(name).fromJson(json)).toEqual(back);
    expect(scalar(name).same(value, back)).toBe(true);
  });

  test.each<[string, Value, string]>([
    ["count", 2 ** 31, "-2147483648 to 2147483647 is allowed"],
    ["big", 2n ** 63n, "is allowed"],
    ["huge", -1, "0 to 18446744073709551615 is allowed"],
    ["huge", 2n ** 64n, "is allowed"],
    ["count", 1.5, "a whole number is allowed"],
    ["ratio", new Decimal("1e400"), "at most 1.8e308 is allowed"],
    ["blob", "no base64!", "base64encode()"],
    ["due", "2026-02-31T00:00:00Z", "RFC 3339"],
    ["patience", "1 hour", "a duration"],
    ["shape", "oval", '"round", "square" are allowed'],
  ])("%s refuses %p", (name, value, message) => {
    expect(() => scalar(name).toJson(value)).toThrow(message);
  });

  test("an enum shows what only a newer cloud knows as it came", () => {
    expect(scalar("shape").fromJson("SHAPE_HEXAGON")).toBe("SHAPE_HEXAGON");
    expect(scalar("shape").fromJson("SHAPE_ROUND")).toBe("round");
  });
});

describe("times", () => {
  test.each([
    ["1h", 3_600_000_000_000n],
    ["1.5h", 5_400_000_000_000n],
    ["-2m3s", -123_000_000_000n],
    ["300ms", 300_000_000n],
    ["1us2ns", 1002n],
    [".5s", 500_000_000n],
    ["0", 0n],
  ])("parseDuration(%s)", (text, nanos) => {
    expect(parseDuration(text)).toBe(nanos);
    expect(parseDuration(formatDuration(nanos))).toBe(nanos);
  });
  test.each(["", "s", "1", "1h 2m", "1d", "1.s.", "h1"])("parseDuration(%p) is undefined", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
  test.each([
    ["1970-01-01T00:00:00Z", 0n],
    ["1969-12-31T23:59:59.999999999Z", -1n],
    ["2026-01-01t00:00:00-01:30", 1767231000000000000n],
  ])("parseTimestamp(%s)", (text, nanos) => {
    expect(parseTimestamp(text)).toBe(nanos);
    expect(parseTimestamp(formatTimestamp(nanos))).toBe(nanos);
  });
  test.each(["", "2026-01-01", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-01-01T00:00:00", "yesterday"])(
    "parseTimestamp(%p) is undefined",
    (text) => {
      expect(parseTimestamp(text)).toBeUndefined();
    },
  );
});
