import { create as message } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { OrgSchema } from "@photoncloud/proto/gen/iam/v1/org_pb";
import { State } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { WidgetSchema } from "@photoncloud/proto/gen/photoncloud/test/v1/widget_pb";
import { acme, as, type Fixture, faultOf, openFixture, outcome, rival } from "./testing/fixture.ts";

let cloud: Fixture;
beforeEach(async () => {
  cloud = await openFixture();
});
afterEach(() => cloud.close());

describe("create", () => {
  test("answers the resource with its outputs", async () => {
    const widget = await cloud.create({
      name: "gear",
      id: "mine",
      owner: "mallory",
      serial: "7",
      size: { width: 2, area: 9n },
    });
    expect(widget.id).toMatch(/^widget-[0-9a-hjkmnp-tv-z]{26}$/);
    expect(widget).toMatchObject({ ...acme, name: "gear", owner: "alice", serial: "", size: { width: 2, area: 0n } });
    expect(widget.status?.state).toBe(State.READY);
    expect(await cloud.get(widget.id)).toEqual(widget);
  });

  test("names an owner of another org with its org", async () => {
    const principal = { kind: "user", org: "system", id: "alice", project: "", sessionId: "" } as const;
    expect((await cloud.create({ name: "gear" }, { principal })).owner).toBe("system/alice");
  });

  test("draws ids that sort by time", async () => {
    const ids = [];
    for (const name of ["a", "b", "c"]) ids.push((await cloud.create({ name })).id);
    expect(ids.toSorted()).toEqual(ids);
  });

  const wrong: [string, Parameters<Fixture["create"]>[0], string][] = [
    ["what is required", { name: "", color: "" }, "INVALID_FIELDS name:required color:required"],
    ["the tenant", { name: "a", orgId: "", projectId: "" }, "INVALID_FIELDS org_id:required project_id:required"],
    ["a project that is there", { name: "a", projectId: "nowhere" }, "NOT_FOUND project_id:unknown_reference"],
    ["an org that is there", { name: "a", orgId: "nowhere" }, "NOT_FOUND project_id:unknown_reference"],
    ["a reference that is there", { name: "a", leansOnId: "widget-0" }, "INVALID_FIELDS leans_on_id:unknown_reference"],
    [
      "references at any depth",
      { name: "a", parts: [{ name: "x", fromId: "no" }], slots: { s: { name: "y", fromId: "no" } } },
      'INVALID_FIELDS parts[0].from_id:unknown_reference slots["s"].from_id:unknown_reference',
    ],
  ];
  test.each(wrong)("wants %s", async (_, init, expected) => expect(await outcome(cloud.create(init))).toBe(expected));

  test("answers a reference to a foreign resource as one to none", async () => {
    const foreign = await cloud.create({ ...rival, name: "theirs" });
    const [a, b] = [
      await faultOf(cloud.create({ name: "a", leansOnId: foreign.id })),
      await faultOf(cloud.create({ name: "a", leansOnId: "widget-none" })),
    ];
    expect(a.message.replace(foreign.id, "widget-none")).toBe(b.message);
    expect(a.details.resources).toBeUndefined();
  });

  test("gives a name once, however many ask at the same time", async () => {
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => outcome(cloud.create({ name: "gear" }))));
    expect(outcomes.filter((o) => o === "photoncloud.test.v1.Widget")).toHaveLength(1);
    expect(new Set(outcomes)).toEqual(new Set(["photoncloud.test.v1.Widget", "ALREADY_EXISTS name:unique"]));
    expect(await outcome(cloud.create({ ...rival, name: "gear" }))).toBe("photoncloud.test.v1.Widget");
  });

  test("takes a chosen id once, and names a resource by it", async () => {
    const make = (id: string) => cloud.unary("org", "create", message(OrgSchema, { id }));
    expect(as(OrgSchema, await make("third"))).toMatchObject({ id: "third", name: "third" });
    expect(await outcome(make("third"))).toBe("ALREADY_EXISTS id:unique");
    expect(await outcome(make("Third!"))).toBe("INVALID_FIELDS id:format");
    expect(as(OrgSchema, await make("")).id).toMatch(/^org-/);
  });

  test("keeps secrets out of answers, rows and events", async () => {
    const widget = await cloud.create({ name: "gear", passphrase: "correct horse" });
    expect(widget.passphrase).toBeUndefined();
    const row = await cloud.store.get({
      tenant: { org: "acme", project: "alpha" },
      kind: "photoncloud.test.v1.Widget",
      id: widget.id,
    });
    const { events } = await cloud.store.events("", { limit: 100 });
    for (const bytes of [row?.data, ...events.map((event) => event.resource)])
      expect(Buffer.from(bytes ?? []).includes("horse")).toBe(false);
  });

  test("stores nothing that the schema does not know", async () => {
    const smuggled = { $unknown: [{ no: 99, wireType: 2, data: Buffer.from([7, ...Buffer.from("smuggle")]) }] };
    const given = message(WidgetSchema, { ...acme, name: "gear", color: "red", parts: [{ name: "p" }] });
    Object.assign(given, smuggled);
    Object.assign(given.parts[0] ?? {}, smuggled);
    const { id } = as(WidgetSchema, await cloud.unary("widget", "create", given));
    expect(Buffer.from((await cloud.store.get(cloud.keyOf(id)))?.data ?? []).includes("smuggle")).toBe(false);
  });

  test("leaves an event that says who, how and from where", async () => {
    const { id } = await cloud.create({ name: "gear" });
    const { events } = await cloud.store.events("", { tenant: { org: "acme", project: "alpha" }, limit: 10 });
    expect(events).toMatchObject([
      {
        type: "created",
        id,
        version: 1,
        actor: "user:acme/alice",
        sourceIp: "192.0.2.1",
        requestId: "request-1",
        method: "photoncloud.test.v1.WidgetService/CreateWidget",
      },
    ]);
  });
});
