import { describe, expect, test } from "@jest/globals";
import type { Value } from "./database.ts";
import type { Json } from "./json.ts";
import { type Column, parseSchema } from "./schema.ts";
import { decode, encode, patched, sameValue } from "./values.ts";

const uuid = "6e081def-a6a8-4620-9ee5-df267a190727";
const other = "09dea89d-7b1f-4fc9-8e7f-a8def03a6d9e";

/** As a server tells it. */
const schema = parseSchema({
  version: "7.0.0",
  tables: {
    T: {
      columns: {
        name: { type: "string" },
        count: { type: { key: { type: "integer", minInteger: 0 } }, mutable: false },
        share: { type: "real" },
        up: { type: { key: "boolean", min: 0, max: 1 } },
        peer: { type: { key: { type: "uuid", refTable: "T" }, min: 0, max: 1 } },
        addresses: { type: { key: "string", min: 0, max: "unlimited" } },
        ports: { type: { key: { type: "uuid", refTable: "T" }, min: 0, max: "unlimited" } },
        options: { type: { key: "string", value: "string", min: 0, max: "unlimited" } },
        queues: { type: { key: "integer", value: { type: "uuid", refTable: "T" }, min: 0, max: "unlimited" } },
      },
    },
  },
});

function column(name: string): Column {
  const found = schema.tables.get("T")?.get(name);
  if (found === undefined) throw new Error(`no column ${name}`);
  return found;
}

const cases: readonly [column: string, value: Value, wire: Json][] = [
  ["name", "a", "a"],
  ["count", 3, 3],
  ["share", 0.5, 0.5],
  ["up", true, true],
  ["up", undefined, ["set", []]],
  ["peer", uuid, ["uuid", uuid]],
  ["peer", undefined, ["set", []]],
  ["addresses", new Set(), ["set", []]],
  ["addresses", new Set(["a"]), ["set", ["a"]]],
  [
    "ports",
    new Set([uuid, other]),
    [
      "set",
      [
        ["uuid", uuid],
        ["uuid", other],
      ],
    ],
  ],
  ["options", new Map(), ["map", []]],
  [
    "options",
    new Map([
      ["a", "1"],
      ["b", "2"],
    ]),
    [
      "map",
      [
        ["a", "1"],
        ["b", "2"],
      ],
    ],
  ],
  ["queues", new Map([[1, uuid]]), ["map", [[1, ["uuid", uuid]]]]],
];

describe.each(cases)("column %s, value %p", (name, value, wire) => {
  test("encode() writes it as the schema asks for", () => expect(encode(value, column(name))).toEqual(wire));
  test("decode() reads it back", () => expect(decode(wire, column(name))).toEqual(value));
});

test.each<[column: string, wire: Json, value: Value]>([
  ["addresses", "a", new Set(["a"])],
  ["ports", ["uuid", uuid], new Set([uuid])],
  ["up", ["set", [true]], true],
])("decode() reads a bare member of %s as a set or value", (name, wire, value) => {
  expect(decode(wire, column(name))).toEqual(value);
});

test.each<[column: string, value: Value, message: string]>([
  ["name", 1, "a string is needed, not 1"],
  ["count", "1", 'an integer is needed, not "1"'],
  ["count", undefined, "an integer is needed, not nothing"],
  ["up", "true", 'a boolean is needed, not "true"'],
  ["addresses", "a", 'a set of string is needed, not "a"'],
  ["addresses", new Map(), "a set of string is needed, not a map"],
  ["options", new Set(), "a map is needed, not a set"],
  ["name", new Set(["a"]), "a string is needed, not a set"],
])("encode() refuses for %s: %p", (name, value, message) => {
  expect(() => encode(value, column(name))).toThrow(new TypeError(message));
});

test("parseSchema() tells what a column holds when the server does not name it, and whether it can change", () => {
  const initial = [...(schema.tables.get("T") ?? [])].map(([name, { initial }]) => [name, initial]);
  expect(Object.fromEntries(initial)).toEqual({
    name: "",
    count: 0,
    share: 0,
    up: undefined,
    peer: undefined,
    addresses: new Set(),
    ports: new Set(),
    options: new Map(),
    queues: new Map(),
  });
  expect([column("count").mutable, column("name").mutable]).toEqual([false, true]);
});

test.each<[name: string, before: Value, change: Value, after: Value]>([
  ["a set by its difference", new Set(["a", "b"]), new Set(["b", "c"]), new Set(["a", "c"])],
  [
    "a map's key that goes",
    new Map([
      ["a", "1"],
      ["b", "2"],
    ]),
    new Map([["a", "1"]]),
    new Map([["b", "2"]]),
  ],
  [
    "a map's key that changes",
    new Map([["a", "1"]]),
    new Map([
      ["a", "2"],
      ["b", "2"],
    ]),
    new Map([
      ["a", "2"],
      ["b", "2"],
    ]),
  ],
  ["a value by the new one", true, undefined, undefined],
])("patched() changes %s and leaves what was alone", (_name, before, change, after) => {
  const copy = structuredClone(before);
  expect(patched(before, change)).toEqual(after);
  expect(before).toEqual(copy);
});

test.each<[a: Value, b: Value, same: boolean]>([
  [1, 1, true],
  ["a", undefined, false],
  [new Set(["a", "b"]), new Set(["b", "a"]), true],
  [new Set(["a"]), new Set(["b"]), false],
  [new Map([["a", "1"]]), new Map([["a", "1"]]), true],
  [new Map([["a", "1"]]), new Map([["a", "2"]]), false],
  [new Set(), new Map(), false],
])("sameValue(%p, %p) is %p", (a, b, same) => expect(sameValue(a, b)).toBe(same));
