// The rules that a user sees, on the kind that has every shape.
import { describe, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { objectType, type Shape } from "./attribute.ts";
import { formatPath } from "./cty/path.ts";
import { sameValue, Unknown, unknown, type Value, type ValueMap } from "./cty/value.ts";
import { checkPlan } from "./oracle.ts";
import { plan } from "./plan.ts";
import { resourceSchema } from "./schema.ts";
import { attributes, basic, completeShape, config, show, stateOf, toValue } from "./testing/widget.ts";

const only = (name: string, value: ValueMap): ValueMap => new Map([[name, value.get(name) ?? null]]);

function planned(before: Record<string, unknown>, after: Record<string, unknown>, more: Record<string, unknown> = {}) {
  const prior = stateOf(before, more);
  const result = plan(attributes, prior, config(after));
  expect(checkPlan(attributes, prior, config(after), result.planned, result.replaces)).toEqual([]);
  const differing = attributes.filter(
    (a) => !sameValue(objectType([a]), only(a.name, prior), only(a.name, result.planned)),
  );
  return {
    replaces: result.replaces.map(formatPath),
    changes: Object.fromEntries(differing.map((a) => [a.name, show(result.planned.get(a.name) ?? null)])),
  };
}

describe("plan() of what follows another attribute", () => {
  const following = attributes.map((a) =>
    ["serial", "nickname"].includes(a.name) && a.field ? { ...a, field: { ...a.field, follows: "note" } } : a,
  );
  const unknownIn = (before: Record<string, unknown>, after: Record<string, unknown>) => {
    const { planned } = plan(following, stateOf(before), config(after));
    return [...planned].filter(([, value]) => value instanceof Unknown).map(([name]) => name);
  };

  test.each<[string, Record<string, unknown>, Record<string, unknown>, readonly string[]]>([
    ["changes: it is not known", { ...basic, note: "a" }, { ...basic, note: "b" }, ["nickname", "serial"]],
    ["comes: it is not known", basic, { ...basic, note: "b" }, ["nickname", "serial"]],
    ["goes: it is not known", { ...basic, note: "a" }, basic, ["nickname", "serial"]],
    [
      "is not known: neither is it",
      { ...basic, note: "a" },
      { ...basic, note: unknown },
      ["nickname", "note", "serial"],
    ],
    ["changes, and it is given: it is as given", basic, { ...basic, note: "b", nickname: "own" }, ["serial"]],
    ["stays, and another changes: it stays", { ...basic, note: "a" }, { ...basic, note: "a", color: "blue" }, []],
  ])("that %s", (_name, before, after, expected) => {
    expect(unknownIn(before, after).sort()).toEqual(expected);
  });
});

describe("plan() for a user", () => {
  const rows: readonly [string, Record<string, unknown>, Record<string, unknown>, ReturnType<typeof planned>][] = [
    [
      "nothing changes: nothing is planned",
      { ...basic, note: "" },
      { ...basic, note: "" },
      { replaces: [], changes: {} },
    ],
    [
      "one input changes: outputs stay",
      basic,
      { ...basic, color: "blue" },
      { replaces: [], changes: { color: "blue" } },
    ],
    [
      "an immutable input changes",
      { ...basic, material: "oak" },
      { ...basic, material: "ash" },
      { replaces: ["material"], changes: { material: "ash" } },
    ],
    [
      "an immutable input is taken away",
      { ...basic, material: "oak" },
      basic,
      { replaces: ["material"], changes: { material: null } },
    ],
    [
      "an immutable input is not known yet",
      { ...basic, material: "oak" },
      { ...basic, material: unknown },
      { replaces: ["material"], changes: { material: "?" } },
    ],
    [
      "another project",
      basic,
      { ...basic, project_id: "other" },
      { replaces: ["project_id"], changes: { project_id: "other" } },
    ],
    [
      "the project is left out: it stays where it is",
      basic,
      { name: "gear", color: "red" },
      { replaces: [], changes: {} },
    ],
    [
      "a default is taken over by the user",
      basic,
      { ...basic, nickname: "cog" },
      { replaces: [], changes: { nickname: "cog" } },
    ],
    [
      "the user's own default is left to the cloud again: it stays",
      { ...basic, nickname: "cog" },
      basic,
      { replaces: [], changes: {} },
    ],
    [
      "a duration in another spelling",
      { ...basic, patience: "1h30m" },
      { ...basic, patience: "90m" },
      { replaces: [], changes: {} },
    ],
    [
      "a time in another zone",
      { ...basic, due: "2026-01-01T00:00:00Z" },
      { ...basic, due: "2026-01-01T09:00:00+09:00" },
      { replaces: [], changes: {} },
    ],
    ["base64 without padding", { ...basic, blob: "YQ==" }, { ...basic, blob: "YQ" }, { replaces: [], changes: {} }],
    [
      "empty is not null where presence counts",
      { ...basic, note: "" },
      basic,
      { replaces: [], changes: { note: null } },
    ],
    [
      "an empty list stays an empty list",
      { ...basic, steps: [] },
      { ...basic, steps: [] },
      { replaces: [], changes: {} },
    ],
    [
      "a set in another order",
      { ...basic, tags: ["a", "b"] },
      { ...basic, tags: ["b", "a"] },
      { replaces: [], changes: {} },
    ],
    [
      "a new entry of a map is one change",
      { ...basic, slots: { a: { name: "a" }, c: { name: "c" } } },
      { ...basic, slots: { a: { name: "a" }, b: { name: "b" }, c: { name: "c" } } },
      {
        replaces: [],
        changes: {
          slots: show(
            completeShape(
              { kind: "map", of: partShape() },
              toValue({ a: { name: "a" }, b: { name: "b" }, c: { name: "c" } }),
            ),
          ) as never,
        },
      },
    ],
  ];
  test.each(rows)("%s", (_name, before, after, expected) => {
    expect(planned(before, after)).toEqual(expected);
  });

  test("outputs in a message are known until what the user decides in it changes; its defaults stay", () => {
    const area = { size: { width: 2, height: 2, area: 4 } };
    expect(
      planned({ ...basic, size: { width: 2 } }, { ...basic, size: { width: 2 }, color: "blue" }, area).changes,
    ).toEqual({ color: "blue" });
    expect(planned({ ...basic, size: { width: 2 } }, { ...basic, size: { width: 3 } }, area).changes).toEqual({
      size: { width: 3, height: 2, area: "?" },
    });
  });

  test("a write-only value is planned null", () => {
    expect(
      plan(attributes, null, config({ ...basic, passphrase: "long enough" })).planned.get("passphrase"),
    ).toBeNull();
  });
});

function partShape(): Shape {
  const slots = attributes.find((a) => a.name === "slots")?.shape;
  if (slots?.kind !== "map") throw new Error("slots is no map");
  return slots.of;
}

test("plan() shows the defaults that hold whatever else is given, and leaves the others to the cloud", () => {
  const subnet = catalog().byNoun("subnet");
  if (subnet === undefined) throw new Error("there is no subnet");
  const { attributes } = resourceSchema(subnet);
  const configOf = (given: Readonly<Record<string, Value>>) =>
    new Map(attributes.map((a): [string, Value] => [a.name, given[a.name] ?? null]));
  const { planned } = plan(attributes, null, configOf({ name: "web", vpc_id: unknown }));
  expect([planned.get("dhcp_enabled"), planned.get("mtu")]).toEqual([true, 1442]);
  expect(planned.get("cidr")).toBeInstanceOf(Unknown);
  const chosen = plan(attributes, null, configOf({ name: "web", vpc_id: "vpc-1", mtu: 1500 })).planned;
  expect([chosen.get("dhcp_enabled"), chosen.get("mtu")]).toEqual([true, 1500]);
});
