import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { State } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import fc from "fast-check";
import { invalidField } from "../../fault.ts";
import { type Fixture, faultOf, openFixture, outcome, rival, toyReconciler } from "./testing/fixture.ts";

let cloud: Fixture;
beforeEach(async () => {
  cloud = await openFixture();
});
afterEach(() => cloud.close());

const eventTypes = async (id: string) =>
  (await cloud.store.events("", { id, limit: 100 })).events.map((event) => event.type);

describe("update", () => {
  test("changes what the mask names, and nothing else", async () => {
    const made = await cloud.create({ name: "gear", note: "old", count: 1, size: { width: 2, height: 3 } });
    const widget = await cloud.update(made.id, { note: "new", count: 9, size: { width: 5 } }, ["note", "size.width"]);
    expect(widget).toMatchObject({ name: "gear", note: "new", count: 1, size: { width: 5, height: 3 } });
    expect(widget.etag).not.toBe(made.etag);
    expect(await cloud.get(made.id)).toEqual(widget);
  });

  test("without a mask changes every field that is set, also inside messages", async () => {
    const made = await cloud.create({ name: "gear", note: "old", count: 1, size: { width: 2, height: 3 } });
    const given = { etag: made.etag, id: made.id, name: made.name, status: made.status ?? {}, orgId: made.orgId };
    const widget = await cloud.update(made.id, {
      ...given,
      count: 2,
      note: "",
      size: { height: 4 },
      finish: { case: "varnish", value: {} },
    });
    expect(widget).toMatchObject({ note: "", count: 2, size: { width: 2, height: 4 }, finish: { case: "varnish" } });
  });

  test("clears what the mask names and the request leaves out", async () => {
    const made = await cloud.create({
      name: "gear",
      note: "old",
      steps: ["a"],
      finish: { case: "paint", value: "red" },
    });
    const widget = await cloud.update(made.id, {}, ["note", "steps", "paint"]);
    expect(widget).toMatchObject({ steps: [], finish: { case: undefined } });
    expect(widget.note).toBeUndefined();
  });

  const wrong: [string, string[], Parameters<Fixture["update"]>[1], string][] = [
    ["an unknown path", ["colour"], {}, "INVALID_FIELDS colour:unknown_path"],
    ["a path into a map", ["labels.env"], {}, "INVALID_FIELDS labels.env:unknown_path"],
    ["an output", ["serial", "size.area"], {}, "INVALID_FIELDS serial:output_only size.area:output_only"],
    ["clearing what is required", ["color"], {}, "INVALID_FIELDS color:required"],
    ["an immutable change", ["material"], { material: "pine" }, "INVALID_FIELDS material:immutable"],
    ["clearing what is immutable", ["material"], {}, "INVALID_FIELDS material:immutable"],
    ["another tenant", [], { orgId: "rival" }, "INVALID_FIELDS org_id:immutable"],
    ["a value that breaks a rule", ["count"], { count: -1 }, "INVALID_FIELDS count:range"],
    [
      "an unknown reference",
      ["leans_on_id"],
      { leansOnId: "widget-0" },
      "INVALID_FIELDS leans_on_id:unknown_reference",
    ],
  ];
  test.each(wrong)("refuses %s and changes nothing", async (_, paths, widget, expected) => {
    const made = await cloud.create({ name: "gear", material: "oak" });
    expect(await outcome(cloud.update(made.id, widget, paths))).toBe(expected);
    expect(await cloud.get(made.id)).toEqual(made);
  });

  test("says what an immutable value is, and how to mend it", async () => {
    const made = await cloud.create({ name: "gear", material: "oak" });
    const fault = await faultOf(cloud.update(made.id, { material: "pine" }));
    expect(fault.message).toBe(
      `material: it is "oak" and can't become "pine": it can't change after creation, a new resource is needed for that`,
    );
  });

  test("refuses a stale etag, and takes the present one", async () => {
    const made = await cloud.create({ name: "gear" });
    const next = await cloud.update(made.id, { note: "a" }, [], { etag: made.etag });
    const fault = await faultOf(cloud.update(made.id, { note: "b" }, [], { etag: made.etag }));
    expect(fault.reason).toBe("STALE_ETAG");
    expect(fault.message).toContain(made.etag);
    expect(fault.message).toContain(next.etag);
  });

  test("writes nothing where nothing changes, the order of a set included", async () => {
    const made = await cloud.create({ name: "gear", tags: ["a", "b"], steps: ["a", "b"] });
    expect(await cloud.update(made.id, { tags: ["b", "a"], color: "red" })).toEqual(made);
    expect(await eventTypes(made.id)).toEqual(["created"]);
    expect((await cloud.update(made.id, { steps: ["b", "a"] })).etag).not.toBe(made.etag);
    expect(await eventTypes(made.id)).toEqual(["created", "updated"]);
  });

  test("frees the old name with the new one", async () => {
    const made = await cloud.create({ name: "gear" });
    await cloud.update(made.id, { name: "cog" });
    await cloud.create({ name: "gear" });
    expect(await outcome(cloud.create({ name: "cog" }))).toBe("ALREADY_EXISTS name:unique");
    expect(await outcome(cloud.update(made.id, { name: "gear" }))).toBe("ALREADY_EXISTS name:unique");
  });

  test("moves references with the fields that hold them", async () => {
    const [a, b] = [await cloud.create({ name: "a" }), await cloud.create({ name: "b" })];
    const c = await cloud.create({ name: "c", leansOnId: a.id });
    expect(await outcome(cloud.delete(a.id))).toBe("STILL_REFERENCED");
    await cloud.update(c.id, { leansOnId: b.id });
    expect(await outcome(cloud.delete(a.id))).toBe("photoncloud.test.v1.Widget");
    expect((await faultOf(cloud.delete(b.id))).details.resources).toEqual([`org/acme/project/alpha/widget/${c.id}`]);
  });

  test("may refer to itself, and can be deleted then", async () => {
    const made = await cloud.create({ name: "a" });
    await cloud.update(made.id, { leansOnId: made.id });
    expect(await outcome(cloud.delete(made.id))).toBe("photoncloud.test.v1.Widget");
  });

  test("finds nothing in another tenant", async () => {
    const made = await cloud.create({ name: "gear" });
    const [foreign, missing] = [
      await faultOf(cloud.update(made.id, { note: "x" }, [], { tenant: rival })),
      await faultOf(cloud.update("widget-0", { note: "x" }, [], { tenant: rival })),
    ];
    expect(foreign.message.replace(made.id, "widget-0")).toBe(missing.message);
  });

  test("of many at once with one etag, one wins", async () => {
    const made = await cloud.create({ name: "gear" });
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_, i) => outcome(cloud.update(made.id, { note: `${i}` }, [], { etag: made.etag }))),
    );
    expect(outcomes.filter((one) => one !== "STALE_ETAG")).toHaveLength(1);
  });

  test("any mask makes exactly its fields equal to the request's", async () => {
    const fields = ["note", "count", "steps", "tags", "notes"] as const;
    const values = fc.record(
      {
        note: fc.string(),
        count: fc.nat(1000),
        steps: fc.array(fc.string(), { maxLength: 4 }),
        tags: fc.array(fc.string(), { maxLength: 4 }),
        notes: fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), fc.string()),
      },
      { requiredKeys: [] },
    );
    let n = 0;
    await fc.assert(
      fc.asyncProperty(values, values, fc.subarray([...fields], { minLength: 1 }), async (before, change, mask) => {
        const made = await cloud.create({ name: `w${n++}`, ...before });
        const widget = await cloud.update(made.id, change, mask);
        const wanted = await cloud.create({
          name: `w${n++}`,
          ...before,
          ...Object.fromEntries(mask.map((field) => [field, change[field]])),
        });
        // As a set, tags in another order are no change.
        const comparable = (w: typeof widget) =>
          fields.map((field) => (field === "tags" ? w.tags.toSorted() : w[field]));
        expect(comparable(widget)).toEqual(comparable(wanted));
      }),
      { numRuns: 30 },
    );
  });
});

describe("update of a kind that is made by the engine", () => {
  test("shows CREATING, READY, UPDATING and READY again", async () => {
    const made = await openFixture({ widget: { reconciler: toyReconciler } });
    const widget = await made.create({ name: "gear" });
    expect(widget.status?.state).toBe(State.CREATING);
    await made.settle(widget.id);
    expect(await made.get(widget.id)).toMatchObject({
      status: { state: State.READY, backend: "toy" },
      spins: 7n,
      etag: widget.etag,
    });
    expect((await made.update(widget.id, { note: "x" })).status?.state).toBe(State.UPDATING);
    await made.settle(widget.id);
    expect((await made.get(widget.id)).status?.state).toBe(State.READY);
    await made.close();
  });

  test("is refused while it is being deleted", async () => {
    const made = await openFixture({ widget: { reconciler: toyReconciler } });
    const widget = await made.create({ name: "gear" });
    await made.delete(widget.id);
    expect(await outcome(made.update(widget.id, { note: "x" }))).toBe("BEING_DELETED");
    await made.close();
  });
});

describe("update with admission", () => {
  test("defaults again what is cleared", async () => {
    const made = await openFixture({
      widget: { admit: async (_, next) => void Object.assign(next, { nickname: next.nickname ?? next.name }) },
    });
    const widget = await made.create({ name: "gear", nickname: "gg" });
    expect(widget.nickname).toBe("gg");
    expect((await made.update(widget.id, {}, ["nickname"])).nickname).toBe("gear");
    await made.close();
  });

  test("changes nothing where admission refuses", async () => {
    const refuse = async () => Promise.reject(invalidField("note", "silly", "not today"));
    const made = await openFixture({
      widget: { admit: async (_, next) => (next.note === "no" ? refuse() : undefined) },
    });
    const widget = await made.create({ name: "gear" });
    expect(await outcome(made.update(widget.id, { note: "no" }))).toBe("INVALID_FIELDS note:silly");
    expect(await made.get(widget.id)).toEqual(widget);
    await made.close();
  });

  test("takes a new secret as a change, which nobody sees", async () => {
    const made = await openFixture({
      widget: {
        admit: async (admission, next) =>
          next.passphrase ? admission.keepSecret(Buffer.from(next.passphrase)) : undefined,
      },
    });
    const widget = await made.create({ name: "gear", passphrase: "first one" });
    const next = await made.update(widget.id, { passphrase: "second one" });
    expect(next.passphrase).toBeUndefined();
    expect(next.etag).not.toBe(widget.etag);
    expect(Buffer.from((await made.store.get(made.keyOf(widget.id)))?.secret ?? []).toString()).toBe("second one");
    expect((await made.update(widget.id, { note: "x" })).note).toBe("x");
    expect(Buffer.from((await made.store.get(made.keyOf(widget.id)))?.secret ?? []).toString()).toBe("second one");
    await made.close();
  });
});
