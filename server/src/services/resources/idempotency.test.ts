import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Call } from "../call.ts";
import { type Fixture, openFixture, outcome } from "./testing/fixture.ts";

let cloud: Fixture;
let admitted: number;
beforeEach(async () => {
  admitted = 0;
  cloud = await openFixture({
    widget: {
      async admit(admission, next, prior) {
        admitted++;
        if (prior === undefined) admission.answerOnce({ ticket: `ticket-of-${next.name}` });
      },
    },
  });
});
afterEach(() => cloud.close());

const key = (idempotencyKey = "key-1", more: Partial<Call> = {}) => ({ idempotencyKey, ...more });

describe("an idempotency key", () => {
  test("gives the same answer again, with what is answered once, and no second effect", async () => {
    const first = await cloud.create({ name: "gear", notes: { a: "1", b: "2" } }, key());
    expect(first.ticket).toBe("ticket-of-gear");
    const second = await cloud.create({ name: "gear", notes: { b: "2", a: "1" } }, key());
    expect(second).toEqual(first);
    expect(admitted).toBe(1);
    expect((await cloud.get(first.id)).ticket).toBe("");
  });

  test("belongs to one request", async () => {
    const { id } = await cloud.create({ name: "gear" }, key());
    expect(await outcome(cloud.create({ name: "cog" }, key()))).toBe("IDEMPOTENCY_KEY_REUSED");
    expect(await outcome(cloud.delete(id, undefined, key()))).toBe("IDEMPOTENCY_KEY_REUSED");
    expect(await outcome(cloud.create({ name: "cog" }, key("key-2")))).toBe("photoncloud.test.v1.Widget");
  });

  test("belongs to one principal", async () => {
    const bob = { kind: "user", org: "acme", id: "bob", project: "", sessionId: "" } as const;
    await cloud.create({ name: "gear" }, key());
    expect((await cloud.create({ name: "cog" }, key("key-1", { principal: bob }))).name).toBe("cog");
  });

  test("makes concurrent duplicates one", async () => {
    const widgets = await Promise.all(Array.from({ length: 12 }, () => cloud.create({ name: "gear" }, key())));
    expect(new Set(widgets.map((widget) => JSON.stringify([widget.id, widget.etag, widget.ticket]))).size).toBe(1);
    const { events } = await cloud.store.events("", { id: widgets[0]?.id ?? "", limit: 10 });
    expect(events).toHaveLength(1);
  });

  test("does not remember failures", async () => {
    const blocking = await cloud.create({ name: "gear" });
    expect(await outcome(cloud.create({ name: "gear" }, key()))).toBe("ALREADY_EXISTS name:unique");
    await cloud.delete(blocking.id);
    expect(await outcome(cloud.create({ name: "gear" }, key()))).toBe("photoncloud.test.v1.Widget");
  });

  test("makes a delete answer again what it answered", async () => {
    const { id } = await cloud.create({ name: "gear" });
    const answer = await cloud.delete(id, undefined, key());
    expect(await cloud.delete(id, undefined, key())).toEqual(answer);
  });

  test("is not stored, nor is what it opens", async () => {
    const kept: string[] = [];
    const { store } = cloud;
    const transact = store.transact.bind(store);
    store.transact = (run) =>
      transact(async (tx) => {
        const remember = tx.remember.bind(tx);
        tx.remember = (scope, name, answer, until) => {
          kept.push(`${scope} ${name} ${answer.requestHash} ${Buffer.from(answer.answer).toString("latin1")}`);
          remember(scope, name, answer, until);
        };
        return run(tx);
      });
    await cloud.create({ name: "gear" }, key("a-guessable-key"));
    expect(kept).toHaveLength(1);
    expect(kept.join()).not.toMatch(/ticket-of|guessable|gear/);
  });

  test("has a length that makes sense", async () => {
    expect(await outcome(cloud.create({ name: "gear" }, key("k".repeat(256))))).toBe("MALFORMED_REQUEST");
  });
});
