import { type MessageInitShape, create as message } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { enumShortName } from "@photoncloud/proto";
import { ImpactSchema } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import {
  PlanWidgetRequestSchema,
  PlanWidgetResponseSchema,
  WidgetSchema,
} from "@photoncloud/proto/gen/photoncloud/test/v1/widget_pb";
import { invalidField } from "../../fault.ts";
import { acme, as, type Fixture, openFixture, outcome, rival } from "./testing/fixture.ts";

let cloud: Fixture;
beforeEach(async () => {
  cloud = await openFixture({
    widget: {
      async admit(admission, next) {
        next.nickname ??= next.name;
        next.serial ||= `serial-${admission.now}`;
        if (next.size !== undefined) next.size.height ??= next.size.width;
        if (next.note === "refused") throw invalidField("note", "silly", "not today");
        if (next.leansOnId !== undefined) await admission.reference(WidgetSchema, next.leansOnId, "leans_on_id");
        if (next.material !== undefined) admission.claim({ space: "material|", key: next.material });
        if (next.steps.includes("last") && next.parts.some((part) => part.name === "bad"))
          throw invalidField("parts", "bad", "a bad part");
      },
      impact: (path, _, next) =>
        path === "count" ? "restart" : path === "size.width" && (next.size?.width ?? 0) < 5 ? "data_loss" : "hot",
    },
  });
});
afterEach(() => cloud.close());

type WidgetInit = MessageInitShape<typeof WidgetSchema>;

async function call(
  widget: WidgetInit,
  more: { id?: string; paths?: string[]; unknown?: string[]; tenant?: object } = {},
) {
  const { id = "", paths = [], unknown = [], tenant = acme } = more;
  const init = { ...tenant, id, widget: message(WidgetSchema, widget), updateMask: { paths }, unknownPaths: unknown };
  return as(PlanWidgetResponseSchema, await cloud.unary("widget", "plan", message(PlanWidgetRequestSchema, init)));
}

async function impacts(widget: WidgetInit, more: Parameters<typeof call>[1] = {}): Promise<string> {
  const { changes } = await call(widget, more);
  return changes.map(({ path, impact }) => `${path}:${enumShortName(ImpactSchema, impact)}`).join(" ");
}

const good: WidgetInit = { name: "gear", color: "red" };

describe("a plan of a creation", () => {
  test("answers what is known, leaves out what is drawn, and stores nothing", async () => {
    const before = await cloud.store.head();
    const { widget, changes } = await call({ ...good, size: { width: 2 } });
    expect(changes).toMatchObject([{ path: "" }]);
    expect(widget).toMatchObject({
      ...acme,
      name: "gear",
      color: "red",
      id: "",
      serial: "",
      etag: "",
      size: { width: 2 },
    });
    expect([widget?.nickname, widget?.size?.height, widget?.status, widget?.createTime]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(await cloud.store.head()).toBe(before);
    expect(await outcome(cloud.create({ name: "gear" }))).toBe("photoncloud.test.v1.Widget");
  });

  const refused: [string, WidgetInit, string][] = [
    ["values", { name: "Gear" }, "INVALID_FIELDS name:format color:required"],
    ["references", { ...good, leansOnId: "widget-0" }, "INVALID_FIELDS leans_on_id:unknown_reference"],
    ["admission", { ...good, note: "refused" }, "INVALID_FIELDS note:silly"],
    ["names", { ...good, name: "taken" }, "ALREADY_EXISTS name:unique"],
    ["claims", { ...good, material: "oak" }, "ALREADY_EXISTS material:unique"],
  ];
  test.each(refused)("checks %s like the real call", async (_, widget, expected) => {
    await cloud.create({ name: "taken", material: "oak" });
    expect(await outcome(call(widget))).toBe(expected);
    expect(await outcome(cloud.create({ color: "", ...widget }))).toBe(expected);
  });

  test("checks the tenant of the request", async () => {
    expect(await outcome(call(good, { tenant: {} }))).toBe("INVALID_FIELDS org_id:required project_id:required");
    expect(await outcome(call(good, { tenant: { orgId: "acme", projectId: "nowhere" } }))).toBe(
      "NOT_FOUND project_id:unknown_reference",
    );
    expect((await call({ ...good, ...rival })).widget?.orgId).toBe("acme");
  });

  const unknown: [string, WidgetInit, string[], string][] = [
    ["a required value", { name: "gear" }, ["color"], ":create"],
    ["a reference", { ...good, leansOnId: "" }, ["leans_on_id"], ":create"],
    [
      "a reference inside a list",
      { ...good, parts: [{ name: "p", fromId: "later" }] },
      ["parts[0].from_id"],
      ":create",
    ],
    ["all of a list's entry", { ...good, parts: [{}], steps: ["last"] }, ["parts[0]"], ":create"],
    ["a map's entry", { ...good, slots: { a: { fromId: "later" } } }, ['slots["a"]'], ":create"],
    ["a name", { color: "red" }, ["name"], ":create"],
    ["a message", { ...good }, ["size"], ":create"],
  ];
  test.each(unknown)("passes over what is not known yet: %s", async (_, widget, paths, expected) => {
    expect(await impacts(widget, { unknown: paths })).toBe(expected);
  });

  test("still refuses what is known to be wrong before something unknown is needed", async () => {
    expect(await outcome(call({ ...good, note: "refused" }, { unknown: ["leans_on_id"] }))).toBe(
      "INVALID_FIELDS note:silly",
    );
    expect(await outcome(call({ ...good, name: "Gear" }, { unknown: ["leans_on_id"] }))).toBe(
      "INVALID_FIELDS name:format",
    );
  });
});

describe("a plan of a change", () => {
  const classed: [string, WidgetInit, string[], string][] = [
    ["nothing", { color: "red" }, [], ""],
    ["a hot change", { color: "blue", labels: { a: "b" } }, [], "labels:hot color:hot"],
    ["a restart", { count: 9 }, [], "count:restart"],
    ["data that is lost", { size: { width: 3 } }, [], "size.width:data_loss"],
    ["a change inside a message", { size: { width: 9 } }, ["size.width"], "size.width:hot"],
    ["a replacement", { material: "pine", note: "x" }, [], "material:replace note:hot"],
    ["a list as a whole", { parts: [{ name: "b" }] }, [], "parts:hot"],
  ];
  test.each(classed)("classes %s", async (_, widget, paths, expected) => {
    const { id } = await cloud.create({
      name: "gear",
      material: "oak",
      size: { width: 8 },
      count: 1,
      parts: [{ name: "a" }],
    });
    const before = await cloud.get(id);
    expect(await impacts(widget, { id, paths })).toBe(expected);
    expect(await cloud.get(id)).toEqual(before);
  });

  test("takes what is not known yet to change", async () => {
    const { id } = await cloud.create({ name: "gear", material: "oak" });
    expect(await impacts({}, { id, paths: ["material"], unknown: ["material"] })).toBe("material:replace");
    expect(await impacts({ parts: [{ name: "a" }] }, { id, unknown: ["parts[0].from_id", "leans_on_id"] })).toBe(
      "parts:hot leans_on_id:hot",
    );
  });

  test("keeps what stays, and leaves out what the cloud would fill in anew", async () => {
    const { id, serial } = await cloud.create({ name: "gear" });
    expect((await call({ note: "x" }, { id })).widget).toMatchObject({ id, serial, nickname: "gear", note: "x" });
    expect((await call({ name: "cog" }, { id, paths: ["name", "nickname"] })).widget?.nickname).toBeUndefined();
  });

  test("is refused like the real call", async () => {
    const { id } = await cloud.create({ name: "gear" });
    expect(await outcome(call({ note: "refused" }, { id }))).toBe("INVALID_FIELDS note:silly");
    expect(await outcome(call({}, { id, paths: ["serial"] }))).toBe("INVALID_FIELDS serial:output_only");
    expect(await outcome(call({}, { id, paths: ["color"] }))).toBe("INVALID_FIELDS color:required");
    expect(await outcome(call({ note: "x" }, { id: "widget-0" }))).toBe("NOT_FOUND");
    expect(await outcome(call({ note: "x" }, { id, tenant: rival }))).toBe("NOT_FOUND");
  });
});
