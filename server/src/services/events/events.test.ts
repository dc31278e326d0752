import { type MessageInitShape, create as message } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  EventType,
  ListEventsRequestSchema,
  ListEventsResponseSchema,
  WatchEventsRequestSchema,
  WatchEventsResponseSchema,
} from "@photoncloud/proto/gen/chainfire/v1/event_pb";
import { testCatalog } from "@photoncloud/proto/testing";
import { systemClock } from "../../clock.ts";
import type { ServiceHandlers } from "../call.ts";
import { as, callOf, type Fixture, openFixture, outcome, rival } from "../resources/testing/fixture.ts";
import { appendAudit, createEvents } from "./index.ts";

let cloud: Fixture;
let events: ServiceHandlers;
beforeEach(async () => {
  cloud = await openFixture();
  events = createEvents({ store: cloud.store, catalog: testCatalog(), clock: systemClock });
});
afterEach(() => cloud.close());

async function list(init: MessageInitShape<typeof ListEventsRequestSchema>) {
  const answer = events.methods.ListEvents?.(message(ListEventsRequestSchema, init), callOf());
  if (!(answer instanceof Promise)) throw new Error("ListEvents answers one message");
  return as(ListEventsResponseSchema, await answer);
}

describe("ListEvents", () => {
  test("tells who did what, without secrets", async () => {
    const { id } = await cloud.create({ name: "gear", passphrase: "correct horse" });
    const [event] = (await list({ orgId: "acme", projectId: "alpha" })).events;
    expect(event).toMatchObject({
      type: EventType.CREATED,
      orgId: "acme",
      projectId: "alpha",
      kind: "photoncloud.test.v1.Widget",
      resourceId: id,
      version: 1n,
      actor: "user:acme/alice",
      sourceIp: "192.0.2.1",
      requestId: "request-1",
    });
    expect(JSON.parse(event?.resourceJson ?? "")).toMatchObject({ id, org_id: "acme", name: "gear", color: "red" });
    expect(event?.resourceJson).not.toContain("horse");
  });

  test("shows a project its own, an org all of its projects, the system everything", async () => {
    await cloud.create({ name: "a" });
    await cloud.create({ ...rival, name: "b" });
    const names = async (init: object) => (await list(init)).events.map((event) => `${event.orgId}/${event.projectId}`);
    expect(await names({ orgId: "acme", projectId: "alpha" })).toEqual(["acme/alpha"]);
    expect(await names({ orgId: "acme" })).toEqual(["acme/", "acme/alpha"]);
    expect(await names({})).toEqual(["/", "acme/", "/", "rival/", "acme/alpha", "rival/alpha"]);
  });

  test("pages through everything once", async () => {
    for (let i = 0; i < 7; i++) await cloud.create({ name: `w${i}` });
    const found: string[] = [];
    for (let cursor = ""; ; ) {
      const page = await list({ orgId: "acme", projectId: "alpha", pageSize: 3, cursor });
      if (page.events.length === 0) break;
      found.push(...page.events.map((event) => event.resourceId));
      cursor = page.nextCursor;
    }
    expect(new Set(found).size).toBe(7);
    expect(found).toHaveLength(7);
  });

  const wrong: [object, string][] = [
    [{ projectId: "alpha" }, "INVALID_FIELDS org_id:required"],
    [{ kind: "Widget" }, "INVALID_FIELDS kind:enum"],
    [{ pageSize: 1001 }, "INVALID_FIELDS page_size:range"],
    [{ cursor: "nonsense" }, "BAD_CURSOR cursor:format"],
  ];
  test.each(wrong)("refuses %j", async (init, expected) => expect(await outcome(list(init))).toBe(expected));

  test("shows refusals and logins", async () => {
    await appendAudit(cloud.store, {
      type: "denied",
      tenant: { org: "acme", project: "" },
      caller: callOf({ method: "m" }),
      permission: "a:b:c",
    });
    await appendAudit(cloud.store, {
      type: "login_failed",
      tenant: { org: "acme", project: "" },
      caller: callOf({ principal: undefined }),
      actor: "user:acme/eve",
    });
    const shown = (await list({ orgId: "acme" })).events.slice(-2);
    expect(shown).toMatchObject([
      { type: EventType.DENIED, actor: "user:acme/alice", permission: "a:b:c", method: "m", resourceJson: "" },
      { type: EventType.LOGIN_FAILED, actor: "user:acme/eve" },
    ]);
  });
});

test("WatchEvents follows a tenant's events until it is left", async () => {
  const leaving = new AbortController();
  const request = message(WatchEventsRequestSchema, {
    orgId: "acme",
    projectId: "alpha",
    kind: "photoncloud.test.v1.Widget",
  });
  const stream = events.methods.WatchEvents?.(request, callOf({ signal: leaving.signal }));
  if (stream === undefined || stream instanceof Promise) throw new Error("WatchEvents answers a stream");
  const seen: string[] = [];
  const begun: string[] = [];
  const watching = (async () => {
    for await (const answer of stream) {
      const { event, cursor } = as(WatchEventsResponseSchema, answer);
      if (event === undefined) begun.push(cursor);
      else seen.push(event.resourceId);
      if (seen.length === 2) leaving.abort();
    }
  })();
  // The watch begins at its first turn; what is made before that is not its business.
  await cloud.store.head();
  await cloud.create({ ...rival, name: "theirs" });
  const made = [];
  for (let i = 0; seen.length < 2 && i < 100; i++) made.push((await cloud.create({ name: `w${i}` })).id);
  await watching;
  expect(begun).toEqual([expect.stringMatching(/./)]);
  expect(made).toEqual(expect.arrayContaining(seen));
});
