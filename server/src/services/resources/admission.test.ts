import { create as message } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { WidgetSchema } from "@photoncloud/proto/gen/photoncloud/test/v1/widget_pb";
import { acme, callOf, faultOf, kindOf, openFixture, outcome, rival, toyReconciler } from "./testing/fixture.ts";

describe("admission", () => {
  test("changes volatile outputs of another resource with it, or not at all; its version stays", async () => {
    const cloud = await openFixture({
      widget: {
        reconciler: toyReconciler,
        async admit(admission, next, prior) {
          if (prior === undefined && next.leansOnId)
            await admission.change(WidgetSchema, next.leansOnId, (base) => {
              base.spins += 1n;
            });
          if (next.note === "conflict") admission.claim({ space: "only-one", key: "x" });
        },
        async released(admission, { message: gone }) {
          if (gone.leansOnId)
            await admission.change(WidgetSchema, gone.leansOnId, (base) => {
              base.spins -= 1n;
            });
        },
      },
    });
    const base = await cloud.create({ name: "base" });
    const leaning = await Promise.all([1, 2, 3].map((i) => cloud.create({ name: `w${i}`, leansOnId: base.id })));
    expect(await cloud.get(base.id)).toMatchObject({ spins: 3n, etag: base.etag });
    await cloud.create({ name: "x", note: "conflict" });
    expect(await outcome(cloud.create({ name: "y", leansOnId: base.id, note: "conflict" }))).toBe("ALREADY_EXISTS");
    expect((await cloud.get(base.id)).spins).toBe(3n);
    const first = leaning[0]?.id ?? "";
    await cloud.delete(first);
    await cloud.settle(first);
    expect((await cloud.get(base.id)).spins).toBe(2n);
    const { events } = await cloud.store.events("", { id: base.id, limit: 10 });
    expect(events.map((event) => `${event.type} by ${event.actor}`)).toEqual([
      "created by user:acme/alice",
      ...Array(3).fill("updated by user:acme/alice"),
      "updated by engine",
    ]);
    await cloud.close();
  });

  test("changes inputs of another resource as an update: a version, its own admission, a task", async () => {
    const cloud = await openFixture({
      widget: {
        reconciler: toyReconciler,
        async admit(admission, next, prior) {
          admission.claim({ space: "color-of", key: next.name });
          if (prior === undefined && next.leansOnId)
            await admission.change(WidgetSchema, next.leansOnId, (base) => {
              base.color = next.color;
            });
        },
      },
    });
    const base = await cloud.create({ name: "base" });
    await cloud.settle(base.id);
    await cloud.create({ name: "w", color: "blue", leansOnId: base.id });
    const changed = await cloud.get(base.id);
    expect([changed.color, changed.etag === base.etag]).toEqual(["blue", false]);
    await cloud.store.transact(async (tx) =>
      expect((await tx.claims("color-of")).map((claim) => claim.key).toSorted()).toEqual(["base", "w"]),
    );
    await cloud.close();
  });

  test("names the field of a taken claim, and its holder only to the same tenant", async () => {
    const cloud = await openFixture({
      widget: { admit: async (admission, next) => admission.claim({ space: "color|everywhere", key: next.color }) },
    });
    const { id } = await cloud.create({ name: "a" });
    const same = await faultOf(cloud.create({ name: "b" }));
    expect([same.message, same.details.resources]).toEqual([
      `color: "red" is taken by org/acme/project/alpha/widget/${id}; choose another`,
      [`org/acme/project/alpha/widget/${id}`],
    ]);
    const foreign = await faultOf(cloud.create({ ...rival, name: "b" }));
    expect(foreign.message).toBe('color: "red" is taken by something else; choose another');
    expect(foreign.details.resources).toBeUndefined();
    await cloud.close();
  });

  test("draws again when a drawn claim is taken", async () => {
    let draws = 0;
    const cloud = await openFixture({
      widget: {
        admit: async (admission, next, prior) => {
          next.serial = prior === undefined ? `s${Math.floor(draws++ / 2)}` : next.serial;
          admission.claim({ space: "serial", key: next.serial, drawn: true });
        },
      },
    });
    const serials = [];
    for (const name of ["a", "b", "c"]) serials.push((await cloud.create({ name })).serial);
    expect(new Set(serials).size).toBe(3);
    await cloud.close();
  });

  test("lists and reads this tenant's alone", async () => {
    const seen: string[] = [];
    const cloud = await openFixture({
      widget: {
        async admit(admission, next) {
          seen.push((await admission.list(WidgetSchema)).map((one) => one.message.name).join());
          if (next.note) seen.push((await admission.get(WidgetSchema, next.note))?.message.name ?? "none");
        },
      },
    });
    const theirs = await cloud.create({ ...rival, name: "theirs" });
    const a = await cloud.create({ name: "a" });
    await cloud.create({ name: "b", note: theirs.id });
    await cloud.create({ name: "c", note: a.id });
    expect(seen).toEqual(["", "", "a", "none", "a,b", "a"]);
    await cloud.close();
  });

  test("records a reference into a tenant that the slice names", async () => {
    const cloud = await openFixture({
      widget: {
        async admit(admission, next) {
          if (next.note)
            await admission.referenceIn({ org: "rival", project: "alpha" }, WidgetSchema, next.note, "note");
        },
      },
    });
    const theirs = await cloud.create({ ...rival, name: "theirs" });
    await cloud.create({ name: "a", note: theirs.id });
    const fault = await faultOf(cloud.delete(theirs.id, rival));
    expect([fault.reason, fault.details.resources, fault.message]).toEqual([
      "STILL_REFERENCED",
      [],
      `widget ${theirs.id} is still used by 1 more; delete or change that first`,
    ]);
    expect(await outcome(cloud.create({ name: "b", note: "widget-0" }))).toBe("INVALID_FIELDS note:unknown_reference");
    await cloud.close();
  });
});

describe("a method beside the standard ones", () => {
  // The test catalog's widgets have no such method, so one of theirs stands in for it by name.
  const kind = kindOf("widget");
  const method = { ...kind.standard.get, desc: kind.standard.get.desc };
  const request = (id: string, tenant: object = acme) => message(kind.standard.get.desc.input, { ...tenant, id });
  const open = () =>
    openFixture({
      widget: {
        reconciler: toyReconciler,
        methods: {
          GetWidget: {
            async update(next) {
              if (next.note === "paint") next.color = "x".repeat(40);
              else if (next.note === "spin") next.spins = 9n;
              else next.color = "green";
            },
          },
        },
      },
    });

  test("changes the resource like an update", async () => {
    const cloud = await open();
    const run = (id: string, tenant = acme) => cloud.resources.custom(kind, method, request(id, tenant), callOf());
    const { id, etag } = await cloud.create({ name: "a" });
    const done = await run(id);
    expect(done).toMatchObject({ color: "green" });
    expect((await cloud.get(id)).etag).not.toBe(etag);
    const spun = await cloud.create({ name: "b", note: "spin" });
    expect(await run(spun.id)).toMatchObject({ spins: 9n, etag: spun.etag });
    const wrong = await cloud.create({ name: "c", note: "paint" });
    expect(await outcome(run(wrong.id))).toBe("INVALID_FIELDS color:size");
    expect(await outcome(run(id, rival))).toBe("NOT_FOUND");
    expect(await outcome(run(""))).toBe("INVALID_FIELDS id:required");
    await cloud.delete(id);
    expect(await outcome(run(id))).toBe("BEING_DELETED");
    await cloud.close();
  });

  test("is not served where the slice has none", async () => {
    const cloud = await openFixture();
    const { id } = await cloud.create({ name: "a" });
    expect(await outcome(cloud.resources.custom(kind, method, request(id), callOf()))).toBe("UNIMPLEMENTED");
    await cloud.close();
  });
});

test("attributes() tells conditions of a resource, and nothing of a foreign one", async () => {
  const cloud = await openFixture();
  const { id } = await cloud.create({ name: "a", labels: { env: "prod" } });
  const read = (org: string) => cloud.resources.attributes(kindOf("widget"), { org, project: "alpha" }, id);
  expect(await read("acme")).toEqual({ owner: "alice", name: "a", "labels.env": "prod" });
  expect(await read("rival")).toEqual({});
  await cloud.close();
});
