import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { State } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { acme, type Fixture, openFixture, outcome, toyReconciler } from "./testing/fixture.ts";

let cloud: Fixture;
beforeEach(async () => {
  cloud = await openFixture({
    widget: { reconciler: toyReconciler, admit: async (admission) => admission.answerOnce({ ticket: "t" }) },
  });
});
afterEach(() => cloud.close());

/** The id of a widget as soon as its creation is in the log. */
async function idOf(name: string): Promise<string> {
  for (;;) {
    const [row] = await cloud.store.list({
      tenants: [{ org: "acme", project: "alpha" }],
      kind: "photoncloud.test.v1.Widget",
      name,
      limit: 1,
    });
    if (row !== undefined) return row.id;
    await new Promise((resolve) => {
      const stop = cloud.store.onCommit(() => resolve(stop()));
    });
  }
}

const waiting = { waitMs: 20_000 };

describe("an answer that is held back", () => {
  test("comes when the resource is ready, with what is answered once", async () => {
    const creating = cloud.create({ name: "gear" }, waiting);
    await cloud.settle(await idOf("gear"));
    expect(await creating).toMatchObject({ status: { state: State.READY }, ticket: "t" });
  });

  test("comes when the resource failed", async () => {
    const creating = cloud.create({ name: "gear" }, waiting);
    await cloud.settle(await idOf("gear"), State.FAILED);
    expect((await creating).status?.state).toBe(State.FAILED);
  });

  test("comes when its time is over", async () => {
    expect((await cloud.create({ name: "gear" }, { waitMs: 1 })).status?.state).toBe(State.CREATING);
  });

  test("comes when the caller is gone", async () => {
    const leaving = new AbortController();
    const creating = cloud.create({ name: "gear" }, { ...waiting, signal: leaving.signal });
    await idOf("gear");
    leaving.abort();
    expect((await creating).status?.state).toBe(State.CREATING);
  });

  test("waits for the version that was written, not for the one before", async () => {
    const { id } = await cloud.create({ name: "gear" });
    await cloud.settle(id);
    const updating = cloud.update(id, { note: "x" }, [], {}, waiting);
    while ((await cloud.get(id)).note !== "x") await new Promise((resolve) => setImmediate(resolve));
    await cloud.settle(id);
    expect(await updating).toMatchObject({ note: "x", status: { state: State.READY, observedVersion: 2n } });
  });

  test("of a delete comes when the resource is gone", async () => {
    const { id } = await cloud.create({ name: "gear" });
    const deleting = cloud.delete(id, acme, waiting);
    while ((await cloud.store.get(cloud.keyOf(id)))?.phase !== "deleting")
      await new Promise((resolve) => setImmediate(resolve));
    await cloud.settle(id);
    expect((await deleting).status?.state).toBe(State.DELETING);
    expect(await outcome(cloud.get(id))).toBe("NOT_FOUND");
  });

  test("of a get comes when the resource is ready, or at once where it is", async () => {
    const { id } = await cloud.create({ name: "gear" });
    const getting = cloud.get(id, acme, waiting);
    await cloud.settle(id);
    expect((await getting).status?.state).toBe(State.READY);
    expect((await cloud.get(id, acme, waiting)).status?.state).toBe(State.READY);
  });

  test("of a get comes when what is being deleted is gone", async () => {
    const { id } = await cloud.create({ name: "gear" });
    await cloud.delete(id);
    const getting = outcome(cloud.get(id, acme, waiting));
    await cloud.settle(id);
    expect(await getting).toBe("NOT_FOUND");
  });

  test("of a get comes when its time is over", async () => {
    const { id } = await cloud.create({ name: "gear" });
    expect((await cloud.get(id, acme, { waitMs: 1 })).status?.state).toBe(State.CREATING);
  });

  test("comes to all of many", async () => {
    const names = Array.from({ length: 100 }, (_, i) => `w${i}`);
    const creating = Promise.all(names.map((name) => cloud.create({ name }, waiting)));
    for (const name of names) await cloud.settle(await idOf(name));
    expect(new Set((await creating).map((widget) => widget.status?.state))).toEqual(new Set([State.READY]));
  });

  test("comes to a repeated call too", async () => {
    const { id } = await cloud.create({ name: "gear" }, { idempotencyKey: "k" });
    const again = cloud.create({ name: "gear" }, { idempotencyKey: "k", ...waiting });
    await cloud.settle(id);
    expect(await again).toMatchObject({ id, ticket: "t", status: { state: State.READY } });
  });
});
