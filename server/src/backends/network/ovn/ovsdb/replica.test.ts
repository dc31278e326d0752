import { describe, expect, test } from "@jest/globals";
import type { Operation, Row } from "./database.ts";
import type { Json } from "./json.ts";
import { OwnChanges } from "./own-changes.ts";
import { Replica } from "./replica.ts";
import { parseSchema } from "./schema.ts";

const many = { min: 0, max: "unlimited" };
const strings = { type: { key: "string", value: "string", ...many } };
const schema = parseSchema({
  version: "7.0.0",
  tables: {
    Switch: { columns: { name: { type: "string" }, ports: { type: { key: "uuid", ...many } }, ids: strings } },
    Port: { columns: { name: { type: "string" }, up: { type: { key: "boolean", min: 0, max: 1 } } } },
    Group: { columns: { ports: { type: { key: "uuid", ...many } } } },
  },
});
const monitor = {
  Switch: { columns: ["name", "ports", "ids", "newer"], where: { column: "ids", includes: { owner: "us" } } },
  Port: { columns: ["name", "up"], where: { column: "ids", includes: { owner: "us" } } },
  Group: { columns: ["ports"] },
  Newer: { columns: ["name"] },
};

/** A switch with two ports of a group, as a server sends them: no defaults, a set of one bare. */
const snapshot: Json = {
  Switch: {
    s1: {
      initial: {
        name: "a",
        ports: [
          "set",
          [
            ["uuid", "p1"],
            ["uuid", "p2"],
          ],
        ],
        ids: ["map", [["k", "1"]]],
      },
    },
  },
  Port: { p1: { initial: { name: "one" } }, p2: { initial: { name: "two", up: true } } },
  Group: { g1: { initial: { ports: ["uuid", "p1"] } } },
};

function filled(): Replica {
  const replica = new Replica(monitor);
  replica.use(schema);
  replica.reset(snapshot, "t1");
  return replica;
}

function contents(replica: Replica) {
  return Object.fromEntries(Object.keys(monitor).map((table) => [table, Object.fromEntries(replica.rows(table))]));
}

const ports = new Set(["p1"]);
const onePort: Json = ["set", [["uuid", "p1"]]];
const ids = new Map([["k", "1"]]);
const onePair: Json = ["map", [["k", "1"]]];

describe("Replica", () => {
  test("asks for the columns that the server has, by condition where it has the condition's column", () => {
    const where = [["ids", "includes", ["map", [["owner", "us"]]]]];
    expect(new Replica(monitor).requests(schema)).toEqual({});
    expect(filled().requests(schema)).toEqual({
      Switch: [{ columns: ["name", "ports", "ids"], where }],
      Port: [{ columns: ["name", "up"] }],
      Group: [{ columns: ["ports"] }],
    });
  });

  test("fills in what the server leaves out", () => {
    expect(contents(filled())).toEqual({
      Switch: { s1: { name: "a", ports: new Set(["p1", "p2"]), ids: new Map([["k", "1"]]) } },
      Port: { p1: { name: "one", up: undefined }, p2: { name: "two", up: true } },
      Group: { g1: { ports: new Set(["p1"]) } },
      Newer: {},
    });
  });

  test("takes inserts, differences and deletes, and tells them with what was before", () => {
    const replica = filled();
    const before = replica.rows("Switch").get("s1");
    const changes = replica.update(
      {
        Switch: {
          s1: {
            modify: {
              ports: [
                "set",
                [
                  ["uuid", "p2"],
                  ["uuid", "p3"],
                ],
              ],
              ids: [
                "map",
                [
                  ["k", "2"],
                  ["l", "3"],
                ],
              ],
            },
          },
        },
        Port: { p2: { delete: null }, p3: { insert: { name: "three" } } },
        Other: { o1: { insert: {} } },
      },
      "t2",
    );
    const after = {
      name: "a",
      ports: new Set(["p1", "p3"]),
      ids: new Map([
        ["k", "2"],
        ["l", "3"],
      ]),
    };
    expect(changes).toEqual([
      { table: "Switch", uuid: "s1", before, after, moved: { ports: new Set(["p2", "p3"]) } },
      { table: "Port", uuid: "p2", before: { name: "two", up: true }, after: undefined },
      { table: "Port", uuid: "p3", before: undefined, after: { name: "three", up: undefined } },
    ]);
    expect(before?.ports).toEqual(new Set(["p1", "p2"]));
    expect(replica.last).toBe("t2");
  });

  test.each<[name: string, written: Row, insert: Json, after: Row]>([
    [
      "as it was written",
      { name: "b", ports, ids },
      { name: "b", ports: onePort, ids: onePair },
      { name: "b", ports, ids },
    ],
    [
      "with what is at its default",
      { name: "b", ports, ids: new Map() },
      { name: "b", ports: onePort },
      { name: "b", ports, ids: new Map() },
    ],
    [
      "as the server says, where that is less",
      { name: "b", ports, ids },
      { name: "b", ports: onePort },
      { name: "b", ports, ids: new Map() },
    ],
    [
      "as the server says, where that is more",
      { name: "b" },
      { name: "b", ids: onePair },
      { name: "b", ports: new Set(), ids },
    ],
    [
      "as the server says, where that is something else",
      { name: "b", ids },
      { name: "c", ids: onePair },
      { name: "c", ports: new Set(), ids },
    ],
    [
      "without columns that were not asked for",
      { name: "b", of_another_time: "x" },
      { name: "b" },
      { name: "b", ports: new Set(), ids: new Map() },
    ],
  ])("takes a row of an insert that is under way %s", (_name, written, insert, after) => {
    const replica = new Replica(monitor, (uuid) => (uuid === "s2" ? written : undefined));
    replica.use(schema);
    replica.update({ Switch: { s2: { insert } } }, "t1");
    expect(replica.rows("Switch").get("s2")).toEqual(after);
  });

  test("tells of a new snapshot only what is different", () => {
    const replica = filled();
    const row = replica.rows("Port").get("p1");
    expect(replica.reset(snapshot, "t2")).toEqual([]);
    expect(replica.rows("Port").get("p1")).toBe(row);
    const changes = replica.reset({ Port: { p1: { initial: { name: "one" } }, p2: { initial: { name: "2" } } } }, "t3");
    expect(changes.map(({ table, uuid, after }) => [table, uuid, after?.name])).toEqual([
      ["Switch", "s1", undefined],
      ["Group", "g1", undefined],
      ["Port", "p2", "2"],
    ]);
  });

  test("wants everything anew from a server with another schema, and nothing but news otherwise", () => {
    const replica = filled();
    replica.use(schema);
    expect(replica.last).toBe("t1");
    replica.use({ ...schema, version: "7.1.0" });
    expect(replica.last).toMatch(/^[0-]+$/);
    expect(replica.rows("Port").size).toBe(2);
  });
});

describe("OwnChanges", () => {
  const remove: Operation = { op: "delete", table: "Switch", uuid: "s1" };
  const rename: Operation = { op: "update", table: "Switch", uuid: "s1", row: { name: "b" } };
  const take: Operation = { op: "mutate", table: "Switch", uuid: "s1", column: "ports", remove: new Set(["p1"]) };
  const insert: Operation = { op: "insert", table: "Port", uuid: "p3", row: { name: "three" } };
  const renamed: Json = { Switch: { s1: { modify: { name: "b" } } } };
  const inserted: Json = { Port: { p3: { insert: { name: "three" } } } };
  const cleared: Json = { Group: { g1: { modify: { ports: ["uuid", "p1"] } } } };
  const tookPort: Json = {
    Switch: { s1: { modify: { ports: ["uuid", "p1"] } } },
    Port: { p1: { delete: null } },
    ...cleared,
  };

  test.each<[name: string, underWay: Operation[], update: Json, own: string[]]>([
    ["nothing where nothing is under way", [], renamed, []],
    ["an insert", [insert], inserted, ["p3"]],
    ["columns that are written", [rename], renamed, ["s1"]],
    [
      "no other columns of the row",
      [rename],
      { Switch: { s1: { modify: { name: "b", ids: ["map", [["k", "1"]]] } } } },
      [],
    ],
    ["no other rows", [rename, insert], { Port: { p2: { modify: { up: ["set", []] } } } }, []],
    ["no delete of a row that is only changed", [rename], { Switch: { s1: { delete: null } } }, []],
    [
      "children and cleared references of a row that goes",
      [remove],
      {
        Switch: { s1: { delete: null } },
        Port: { p1: { delete: null }, p2: { delete: null } },
        ...cleared,
      },
      ["s1", "p1", "p2", "g1"],
    ],
    ["a child that is taken out of its parent", [take], tookPort, ["s1", "p1", "g1"]],
    [
      "not what others delete in the same update",
      [insert],
      { ...cleared, Port: { p1: { delete: null }, p3: { insert: {} } } },
      ["p3"],
    ],
  ])("marks %s", (_name, underWay, update, own) => {
    const changes = new OwnChanges();
    changes.begin(underWay);
    const marked = changes.mark(filled().update(update, "t2"));
    expect(new Set(marked.filter((change) => change.own).map(({ uuid }) => uuid))).toEqual(new Set(own));
  });

  test("marks numbers that are raised, and nothing once a transaction has ended", () => {
    const changes = new OwnChanges();
    const raise: Operation = { op: "increment", table: "Switch", column: "name" };
    changes.begin([raise]);
    expect(changes.mark(filled().update(renamed, "t2"))).toMatchObject([{ own: true }]);
    changes.end([raise]);
    expect(changes.mark(filled().update(renamed, "t2"))).toMatchObject([{ own: false }]);
  });
});
