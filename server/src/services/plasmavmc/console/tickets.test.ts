import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { systemClock } from "../../../clock.ts";
import { openSqliteStore } from "../../../store/sqlite/open.ts";
import type { Store } from "../../../store/store.ts";
import { mostTicketsEach, type Ticket, Tickets, ticketMs } from "./tickets.ts";

let store: Store;
let now = 0;
const clock = { ...systemClock, now: () => now };
/** Of one server; several share the store. */
const server = () => new Tickets({ records: store.records, clock, random: randomBytes });
beforeEach(async () => {
  now = Date.now();
  store = await openSqliteStore({ file: ":memory:" });
});
afterEach(() => store.close());

const ticket: Ticket = {
  principal: { kind: "user", org: "acme", id: "alice", project: "", sessionId: "s1" },
  tenant: { org: "acme", project: "alpha" },
  vmId: "vm-1",
  type: "serial",
};

test("a ticket is good once, at any server", async () => {
  const { token } = await server().issue(ticket);
  expect(await server().redeem(token)).toEqual(ticket);
  expect(await server().redeem(token)).toBeUndefined();
});

test("of many who come with a ticket at once, one gets in", async () => {
  const { token } = await server().issue(ticket);
  const found = await Promise.all(Array.from({ length: 8 }, () => server().redeem(token)));
  expect(found.filter((one) => one !== undefined)).toEqual([ticket]);
});

test("a ticket is not good after its time", async () => {
  const { token, expiresAt } = await server().issue(ticket);
  expect(expiresAt).toBe(now + ticketMs);
  now += ticketMs;
  expect(await server().redeem(token)).toBeUndefined();
});

test.each(["", ".", "/", "nobody.knows", `${"x".repeat(16)}.y`])("%p is no ticket", async (token) => {
  expect(await server().redeem(token)).toBeUndefined();
});

test("the store keeps no token, and no more than so many for one principal", async () => {
  const tokens: string[] = [];
  for (let i = 0; i < mostTicketsEach; i++) tokens.push((await server().issue(ticket)).token);
  const kept = JSON.stringify(
    (await store.records.list("console-tickets")).map(({ key, value }) => [key, Buffer.from(value).toString()]),
  );
  for (const token of tokens) expect(kept).not.toContain(token.split(".")[1]);
  await expect(server().issue(ticket)).rejects.toMatchObject({ reason: "TOO_MANY_REQUESTS" });
  const bob = { ...ticket, principal: { ...ticket.principal, id: "bob" } };
  await server().issue(bob);
});
