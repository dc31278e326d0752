import { describe, expect, test } from "@jest/globals";
import { catalog } from "@photoncloud/proto";
import { testCatalog } from "@photoncloud/proto/testing";
import fc from "fast-check";
import type { Attribute, Shape } from "./attribute.ts";
import { objectType } from "./attribute.ts";
import { formatPath } from "./cty/path.ts";
import { hasUnknown, isMap, sameValue, Unknown, unknown, type Value, type ValueMap } from "./cty/value.ts";
import { refresh, settle } from "./merge.ts";
import { checkApply, checkPlan, checkState } from "./oracle.ts";
import { plan } from "./plan.ts";
import { boolean, integer, plain } from "./scalar.ts";
import { resourceSchema } from "./schema.ts";

// Random schemas, and random values for them.

type Flags = Pick<Attribute, "required" | "optional" | "computed" | "writeOnly" | "replaces" | "emptyIsNull">;
const none: Flags = {
  required: false,
  optional: false,
  computed: false,
  writeOnly: false,
  replaces: false,
  emptyIsNull: false,
};
const anyFlags: fc.Arbitrary<Flags> = fc.oneof(
  fc.boolean().map((replaces) => ({ ...none, required: true, replaces })),
  fc.record({ replaces: fc.boolean(), emptyIsNull: fc.boolean() }).map((f) => ({ ...none, optional: true, ...f })),
  fc.boolean().map((replaces) => ({ ...none, optional: true, computed: true, replaces })),
  fc.constant({ ...none, computed: true }),
  fc.constant({ ...none, optional: true, writeOnly: true }),
);
const outputs = fc.constant({ ...none, computed: true });
const inSet = anyFlags.filter((f) => !f.writeOnly && !f.computed);

const scalars: readonly Shape[] = [plain, boolean, integer(64)].map((scalar) => ({ kind: "scalar", scalar }));

const someField = catalog().kinds[0]?.fields[0];

function attributesOf(depth: number, flags: fc.Arbitrary<Flags>): fc.Arbitrary<readonly Attribute[]> {
  const one = flags.chain((f) => shapeOf(depth, f).map((shape) => ({ ...f, shape })));
  return fc.array(one, { minLength: 1, maxLength: 4 }).map((all) =>
    all.map((a, i) => ({
      ...a,
      name: `a${i}`,
      sensitive: false,
      description: "",
      field: someField && { ...someField, name: `a${i}`, follows: i > 0 && a.computed ? "a0" : "" },
    })),
  );
}

function shapeOf(depth: number, flags: Flags): fc.Arbitrary<Shape> {
  const scalar = fc.constantFrom(...scalars);
  if (depth === 0) return scalar;
  const output = flags.computed && !flags.optional;
  const object = (within: fc.Arbitrary<Flags>): fc.Arbitrary<Shape> =>
    attributesOf(depth - 1, within).map((attributes) => ({ kind: "object", attributes }));
  const within = output ? outputs : flags.writeOnly ? fc.constant({ ...none, optional: true }) : anyFlags;
  const item = fc.oneof(scalar, object(within));
  const setItem = fc.oneof(scalar, object(output ? outputs : inSet));
  return fc.oneof(
    scalar,
    object(within),
    item.map((of): Shape => ({ kind: "list", of })),
    item.map((of): Shape => ({ kind: "map", of })),
    ...(flags.writeOnly ? [] : [setItem.map((of): Shape => ({ kind: "set", of }))]),
  );
}

/** How values are drawn: as a user writes them, or as a cloud answers them. */
interface Draw {
  readonly unknowns: boolean;
  readonly everything: boolean;
}

function valuesOf(shape: Shape, draw: Draw): fc.Arbitrary<Value> {
  const known = ((): fc.Arbitrary<Value> => {
    switch (shape.kind) {
      case "scalar":
        if (shape.scalar.name === "bool") return fc.boolean();
        return shape.scalar.name === "string"
          ? fc.constantFrom("", "x", "y", "z")
          : fc.constantFrom(0, 1, 2, 2n ** 60n);
      case "object":
        return objectOf(shape.attributes, draw);
      case "map":
        return fc
          .dictionary(fc.constantFrom("k", "l", "__proto__"), valuesOf(shape.of, draw))
          .map((d) => new Map(Object.entries(d)));
      case "list":
        return fc.array(valuesOf(shape.of, draw), { maxLength: 3 });
      case "set":
        return fc.uniqueArray(valuesOf(shape.of, draw), {
          maxLength: 3,
          comparator: (a, b) => !hasUnknown(a) && sameOf(shape.of, a, b),
        });
    }
  })();
  return draw.unknowns
    ? fc.oneof({ weight: 5, arbitrary: known }, { weight: 1, arbitrary: fc.constant(unknown) })
    : known;
}

const sameOf = (shape: Shape, a: Value, b: Value) =>
  sameValue(
    objectType([{ ...none, name: "v", shape, sensitive: false, description: "", field: undefined }]),
    new Map([["v", a]]),
    new Map([["v", b]]),
  );

function objectOf(attributes: readonly Attribute[], draw: Draw): fc.Arbitrary<ValueMap> {
  const entries = attributes.map((a) => {
    if (!draw.everything && a.computed && !a.optional) return fc.constant([a.name, null] as const);
    const value: fc.Arbitrary<Value> = valuesOf(a.shape, draw);
    const maybe = draw.everything || a.required ? value : fc.oneof(value, fc.constant(null));
    return maybe.map((v) => [a.name, v] as const);
  });
  return fc.tuple(...entries).map((all) => new Map<string, Value>(all));
}

const cases = attributesOf(2, anyFlags).chain((attributes) =>
  fc.record({
    attributes: fc.constant(attributes),
    first: objectOf(attributes, { unknowns: false, everything: false }),
    second: objectOf(attributes, { unknowns: true, everything: false }),
    answer: objectOf(attributes, { unknowns: false, everything: true }),
  }),
);

const show = (value: Value): unknown =>
  isMap(value)
    ? Object.fromEntries([...value].map(([k, v]) => [k, show(v)]))
    : Array.isArray(value)
      ? value.map(show)
      : value instanceof Unknown
        ? "?"
        : value;

describe("plan() by Terraform's rules, for random schemas and values", () => {
  test("a creation is valid, its answer fits it, and planning again changes nothing", () => {
    fc.assert(
      fc.property(cases, ({ attributes, first, answer }) => {
        const created = plan(attributes, null, first);
        expect(checkPlan(attributes, null, first, created.planned, created.replaces)).toEqual([]);
        const state = settle(attributes, created.planned, answer);
        expect(checkApply(attributes, created.planned, state)).toEqual([]);
        const again = plan(attributes, state, first);
        expect([show(again.planned), again.changed, again.replaces]).toEqual([show(state), false, []]);
        expect(again.planned).toBe(state);
      }),
      { numRuns: 500 },
    );
  });

  test("a change with unknowns is valid and deterministic, and its answer fits it", () => {
    fc.assert(
      fc.property(cases, ({ attributes, first, second, answer }) => {
        const state = settle(attributes, plan(attributes, null, first).planned, answer);
        const changed = plan(attributes, state, second);
        expect(checkPlan(attributes, state, second, changed.planned, changed.replaces)).toEqual([]);
        expect(plan(attributes, state, second)).toEqual(changed);
        const applied = settle(attributes, changed.planned, answer);
        expect(checkApply(attributes, changed.planned, applied)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("a read that says the same leaves the state as it is, any other leaves a valid one", () => {
    fc.assert(
      fc.property(cases, ({ attributes, first, answer }) => {
        const state = settle(attributes, plan(attributes, null, first).planned, answer);
        expect(show(refresh(attributes, state, state))).toEqual(show(state));
        expect(checkState(attributes, refresh(attributes, state, answer))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

// The rules that a user sees, on the kind that has every shape.

const widget = testCatalog().byNoun("widget");
if (widget === undefined) throw new Error("the test kind is missing");
const { attributes } = resourceSchema(widget);

const toValue = (json: unknown): Value => {
  if (json instanceof Unknown) return json;
  if (Array.isArray(json)) return json.map(toValue);
  if (typeof json === "object" && json !== null) return new Map(Object.entries(json).map(([k, v]) => [k, toValue(v)]));
  return json as Value;
};

/** Fills in the attributes that a block leaves out. */
function complete(within: readonly Attribute[], value: Value): ValueMap {
  const given = isMap(value) ? value : new Map<string, Value>();
  return new Map(within.map((a): [string, Value] => [a.name, completeShape(a.shape, given.get(a.name) ?? null)]));
}
function completeShape(shape: Shape, value: Value): Value {
  if (shape.kind === "object" && isMap(value)) return complete(shape.attributes, value);
  if (shape.kind === "map" && isMap(value)) return new Map([...value].map(([k, v]) => [k, completeShape(shape.of, v)]));
  if ((shape.kind === "list" || shape.kind === "set") && Array.isArray(value))
    return value.map((v: Value) => completeShape(shape.of, v));
  return value;
}
const config = (block: Record<string, unknown>) => complete(attributes, toValue(block));

const basic = { name: "gear", color: "red", org_id: "acme", project_id: "web" };
const made = {
  id: "widget-1",
  create_time: "2026-01-01T00:00:00Z",
  owner: "user:acme/alice",
  nickname: "gear",
  serial: "s-1",
};

const stateOf = (block: Record<string, unknown>, more: Record<string, unknown> = {}): ValueMap =>
  settle(attributes, plan(attributes, null, config(block)).planned, config({ ...made, ...more }));

function planned(before: Record<string, unknown>, after: Record<string, unknown>, more: Record<string, unknown> = {}) {
  const prior = stateOf(before, more);
  const result = plan(attributes, prior, config(after));
  expect(checkPlan(attributes, prior, config(after), result.planned, result.replaces)).toEqual([]);
  const differing = attributes.filter(
    (a) => !sameOf(a.shape, prior.get(a.name) ?? null, result.planned.get(a.name) ?? null),
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

test("checkPlan() and checkApply() find what Terraform refuses", () => {
  const block = config(basic);
  const { planned: good } = plan(attributes, null, block);
  const change = (name: string, value: Value): ValueMap => new Map([...good, [name, value]]);
  expect(checkPlan(attributes, null, block, change("color", "blue"), [])).toEqual([
    "color is planned neither as configured nor as it was",
  ]);
  expect(checkPlan(attributes, null, block, change("note", "x"), [])).toEqual([
    "note was left out and is not computed, but is planned",
  ]);
  expect(checkPlan(attributes, null, block, change("passphrase", "secret"), [])).toEqual([
    "passphrase is write-only and must be planned null",
  ]);
  expect(checkPlan(attributes, null, block, good, [[{ attribute: "nowhere" }]])).toEqual([
    "nowhere forces replacement, but is nowhere",
  ]);
  const state = stateOf(basic);
  expect(checkApply(attributes, good, state)).toEqual([]);
  expect(checkApply(attributes, good, new Map([...state, ["color", "blue"]]))).toEqual([
    "color is not what was planned",
  ]);
  expect(checkApply(attributes, good, new Map<string, Value>([...state, ["id", unknown]]))).toEqual([
    "id is still unknown",
  ]);
  expect(checkApply(attributes, good, new Map<string, Value>([...state, ["id", null]]))).toEqual([
    "id was planned not to be null",
  ]);
});

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
