import { describe, expect, test } from "@jest/globals";
import { State } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { acme, faultOf, openFixture, outcome, rival, toyReconciler } from "./testing/fixture.ts";

describe("delete", () => {
  test("of what nothing has to unmake removes it at once, with its name", async () => {
    const cloud = await openFixture();
    const widget = await cloud.create({ name: "gear" });
    expect((await cloud.delete(widget.id)).status?.state).toBe(State.DELETING);
    expect(await outcome(cloud.get(widget.id))).toBe("NOT_FOUND");
    expect(await outcome(cloud.delete(widget.id))).toBe("NOT_FOUND");
    expect(await outcome(cloud.create({ name: "gear" }))).toBe("photoncloud.test.v1.Widget");
    await cloud.close();
  });

  test("of what the engine has to unmake leaves a tombstone that keeps its name until it is gone", async () => {
    const released: string[] = [];
    const cloud = await openFixture({
      widget: { reconciler: toyReconciler, released: async (_, { id }) => void released.push(id) },
    });
    const widget = await cloud.create({ name: "gear" });
    const tombstone = await cloud.delete(widget.id);
    expect(tombstone.status?.state).toBe(State.DELETING);
    expect(await cloud.delete(widget.id)).toEqual(tombstone);
    expect(await outcome(cloud.create({ name: "gear" }))).toBe("ALREADY_EXISTS name:unique");
    expect(await outcome(cloud.create({ name: "other", leansOnId: widget.id }))).toBe(
      "INVALID_FIELDS leans_on_id:unknown_reference",
    );
    await cloud.settle(widget.id);
    expect(released).toEqual([widget.id]);
    expect(await outcome(cloud.create({ name: "gear" }))).toBe("photoncloud.test.v1.Widget");
    const { events } = await cloud.store.events("", { id: widget.id, limit: 10 });
    expect(events.map((event) => event.type)).toEqual(["created", "deleting", "deleted"]);
    await cloud.close();
  });

  test("refuses a stale etag", async () => {
    const cloud = await openFixture();
    const widget = await cloud.create({ name: "gear" });
    expect(await outcome(cloud.call("delete", { ...acme, id: widget.id, etag: "old" }))).toBe("STALE_ETAG");
    await cloud.close();
  });

  test("of a foreign resource is answered as of a missing one", async () => {
    const cloud = await openFixture();
    const widget = await cloud.create({ name: "gear" });
    const [foreign, missing] = [
      await faultOf(cloud.delete(widget.id, rival)),
      await faultOf(cloud.delete("widget-0", rival)),
    ];
    expect([foreign.reason, foreign.message.replace(widget.id, "widget-0")]).toEqual([missing.reason, missing.message]);
    expect(await outcome(cloud.get(widget.id))).toBe("photoncloud.test.v1.Widget");
    await cloud.close();
  });

  test("of a scope is refused while something is in it, and names that", async () => {
    const cloud = await openFixture();
    const widget = await cloud.create({ name: "gear" });
    const project = await faultOf(cloud.call("delete", { orgId: "acme", id: "alpha" }, {}, "project"));
    expect(project.message).toBe(
      `project alpha is still used by org/acme/project/alpha/widget/${widget.id}; delete or change that first`,
    );
    const org = await faultOf(cloud.call("delete", { id: "acme" }, {}, "org"));
    expect([org.reason, org.details.resources]).toEqual(["STILL_REFERENCED", ["org/acme/project/alpha"]]);
    await cloud.delete(widget.id);
    expect(await outcome(cloud.call("delete", { orgId: "acme", id: "alpha" }, {}, "project"))).toBe("iam.v1.Project");
    expect(await outcome(cloud.call("delete", { id: "acme" }, {}, "org"))).toBe("iam.v1.Org");
    await cloud.close();
  });

  test("names ten referrers and counts the others", async () => {
    const cloud = await openFixture();
    const widget = await cloud.create({ name: "base" });
    for (let i = 0; i < 35; i++) await cloud.create({ name: `w${i}`, leansOnId: widget.id });
    const fault = await faultOf(cloud.delete(widget.id));
    expect(fault.details.resources).toHaveLength(10);
    expect(fault.message).toContain(", 25 more;");
    await cloud.close();
  });
});
