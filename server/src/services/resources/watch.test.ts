import { type Message, create as message } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { enumShortName } from "@photoncloud/proto";
import { ChangeSchema, WatchRequestSchema } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import {
  ListWidgetsResponseSchema,
  WatchWidgetsResponseSchema,
} from "@photoncloud/proto/gen/photoncloud/test/v1/widget_pb";
import { systemClock } from "../../clock.ts";
import { acme, as, callOf, type Fixture, kindOf, openFixture, rival, toyReconciler } from "./testing/fixture.ts";

let cloud: Fixture;
let leaving: AbortController;
beforeEach(async () => {
  leaving = new AbortController();
  cloud = await openFixture({ widget: { reconciler: toyReconciler } });
});
afterEach(async () => {
  leaving.abort();
  await cloud.close();
});

/** A watch whose changes are taken one after the other. */
function watch(init: Record<string, unknown> = {}) {
  const request = message(WatchRequestSchema, { ...acme, ...init });
  const stream: AsyncIterator<Message> = cloud.resources
    .watch(kindOf("widget"), request, callOf({ signal: leaving.signal }))
    [Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await stream.next();
    if (done === true) return undefined;
    const { change, widget, cursor } = as(WatchWidgetsResponseSchema, value);
    return {
      what: `${enumShortName(ChangeSchema, change)?.toUpperCase()} ${widget?.name ?? ""}`.trim(),
      widget,
      cursor,
    };
  };
}

describe("watch", () => {
  test("shows what is there, a bookmark, then what changes, with full messages", async () => {
    const first = await cloud.create({ name: "first", note: "n" });
    await cloud.create({ ...rival, name: "theirs" });
    const next = watch();
    expect(await next()).toMatchObject({ what: "EXISTING first", cursor: "", widget: first });
    expect((await next())?.what).toBe("BOOKMARK");
    const second = await cloud.create({ name: "second" });
    expect(await next()).toMatchObject({ what: "CREATED second", widget: second });
    const updated = await cloud.update(second.id, { note: "x" });
    expect(await next()).toMatchObject({ what: "UPDATED second", widget: updated });
    await cloud.settle(second.id);
    const { etag, status, spins } = await cloud.get(second.id);
    expect(await next()).toMatchObject({ what: "OBSERVED second", widget: { etag, status, spins } });
    await cloud.delete(second.id);
    expect((await next())?.what).toBe("UPDATED second");
    await cloud.settle(second.id);
    expect((await next())?.what).toBe("DELETED second");
  });

  test("goes on after any cursor without loss", async () => {
    const list = as(ListWidgetsResponseSchema, await cloud.call("list", acme));
    const names = Array.from({ length: 30 }, (_, i) => `w${i}`);
    const making = Promise.all(names.map((name) => cloud.create({ name })));
    const seen: string[] = [];
    for (let cursor = list.cursor; seen.length < names.length; ) {
      const next = watch({ cursor });
      for (let i = 0; i < 7 && seen.length < names.length; i++) {
        const change = await next();
        seen.push(change?.widget?.name ?? "");
        cursor = change?.cursor ?? "";
      }
    }
    await making;
    expect(seen.toSorted()).toEqual(names.toSorted());
  });

  test("can look at one resource alone", async () => {
    const [one, other] = [await cloud.create({ name: "one" }), await cloud.create({ name: "other" })];
    const next = watch({ id: one.id });
    expect([(await next())?.what, (await next())?.what]).toEqual(["EXISTING one", "BOOKMARK"]);
    await cloud.update(other.id, { note: "x" });
    await cloud.update(one.id, { note: "x" });
    expect((await next())?.what).toBe("UPDATED one");
  });

  test("ends with its signal", async () => {
    const next = watch();
    await next();
    const rest = next();
    leaving.abort();
    expect(await rest).toBeUndefined();
  });

  test("refuses a cursor that is none", async () => {
    await expect(watch({ cursor: "nonsense" })()).rejects.toMatchObject({ reason: "BAD_CURSOR" });
  });

  test("sets a bookmark when nothing happens", async () => {
    await cloud.close();
    // A clock on which every sleep is over at once, so that the idle time passes by itself.
    let now = 1_700_000_000_000;
    const sleep = (ms: number, signal?: AbortSignal) => {
      now += ms;
      return systemClock.sleep(0, signal);
    };
    cloud = await openFixture({ clock: { now: () => now, sleep } });
    const next = watch();
    const changes = [await next(), await next(), await next()];
    expect(changes.map((change) => change?.what)).toEqual(["BOOKMARK", "BOOKMARK", "BOOKMARK"]);
    expect(changes[2]?.cursor).not.toBe("");
  });
});
