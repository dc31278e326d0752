// Methods that read: what they are given, what they answer, and what callers are told where they can't.
import { create, isMessage, type Message } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import {
  InspectWidgetRequestSchema,
  InspectWidgetResponseSchema,
  WidgetSchema,
} from "@photoncloud/proto/gen/photoncloud/test/v1/widget_pb";
import { DriverError } from "../../backends/driver-error.ts";
import type { QueryMethod } from "../kind.ts";
import { acme, as, callOf, type Fixture, kindOf, openFixture, outcome, rival } from "./testing/fixture.ts";

const inspect: QueryMethod<typeof WidgetSchema> = {
  async answer({ message, version }, request, { get, drivers }) {
    if (!isMessage(request, InspectWidgetRequestSchema)) throw new Error("another request");
    if (request.side === "dark") throw new DriverError("unavailable", "it is dark");
    if (request.side === "inner") throw new DriverError("missing", "it has none yet");
    const other = await get(WidgetSchema, request.side);
    const seen = `${message.name} ${version} ${drivers.network.name} ${other?.message.name ?? "nothing"}`;
    return create(InspectWidgetResponseSchema, { seen });
  },
};

async function asked(cloud: Fixture, init: Record<string, unknown>): Promise<Message> {
  const kind = kindOf("widget");
  const method = kind.custom.find(({ desc }) => desc.name === "InspectWidget");
  if (method === undefined) throw new Error("no method");
  return cloud.resources.custom(kind, method, create(InspectWidgetRequestSchema, { ...acme, ...init }), callOf());
}

describe("a query", () => {
  test("reads a resource of the tenant and what it asks for, and leaves no event", async () => {
    const cloud = await openFixture({ widget: { queries: { InspectWidget: inspect } } });
    const [{ id }, near] = [await cloud.create({ name: "a" }), await cloud.create({ name: "b" })];
    const far = await cloud.create({ ...rival, name: "c" });
    const before = await cloud.store.head();
    const seen = async (side: string) => as(InspectWidgetResponseSchema, await asked(cloud, { id, side })).seen;
    expect(await seen(near.id)).toBe("a 1 simulated b");
    expect(await seen(far.id)).toBe("a 1 simulated nothing");
    expect(await cloud.store.head()).toBe(before);
    await cloud.close();
  });

  test.each([
    [{ side: "left", id: "" }, "INVALID_FIELDS id:required"],
    [{ side: "" }, "INVALID_FIELDS side:required"],
    [{ side: "left", ...rival }, "NOT_FOUND"],
    [{ side: "dark" }, "BACKEND_UNAVAILABLE"],
    [{ side: "inner" }, "WRONG_STATE"],
  ])("of %p is refused with %p", async (init, expected) => {
    const cloud = await openFixture({ widget: { queries: { InspectWidget: inspect } } });
    const { id } = await cloud.create({ name: "a" });
    expect(await outcome(asked(cloud, { id, ...init }))).toBe(expected);
    await cloud.close();
  });

  test("is not served where the slice has none, and can't be one that the catalog does not know", async () => {
    const cloud = await openFixture();
    const { id } = await cloud.create({ name: "a" });
    expect(await outcome(asked(cloud, { id, side: "left" }))).toBe("UNIMPLEMENTED");
    await cloud.close();
    await expect(openFixture({ widget: { queries: { SpinWidget: inspect } } })).rejects.toThrow("SpinWidget");
  });
});
