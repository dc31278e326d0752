import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { ManualClock } from "../../../engine/testing/manual-clock.ts";
import { openSqliteStore } from "../../../store/sqlite/open.ts";
import type { Store } from "../../../store/store.ts";
import { outcome } from "../../testing/small-cloud.ts";
import { JoinTokens } from "./join-tokens.ts";

const clock = new ManualClock();
let store: Store;
let tokens: JoinTokens;
beforeAll(async () => {
  store = await openSqliteStore({ file: ":memory:", clock });
  tokens = new JoinTokens({ records: store.records, clock, random: randomBytes });
});
afterAll(() => store.close());

test("a token is good once, also for two at a time", async () => {
  const { token } = await tokens.draw();
  const [first, second] = [await tokens.check(token), await tokens.check(token)];
  const both = await Promise.all([outcome(first.redeem()), outcome(second.redeem())]);
  expect(both.sort()).toEqual(["UNAUTHENTICATED", "ok"]);
  expect(await outcome(tokens.check(token))).toBe("UNAUTHENTICATED");
});

test("a token is good for an hour", async () => {
  const { token, expiresAt } = await tokens.draw();
  expect(expiresAt - clock.now()).toBe(3_600_000);
  clock.advance(3_599_000);
  expect(await outcome(tokens.check(token))).toBe("ok");
  clock.advance(2_000);
  expect(await outcome(tokens.check(token))).toBe("UNAUTHENTICATED");
});

test("the store does not know the token", async () => {
  const { token } = await tokens.draw();
  const kept = await store.records.list("hosts/join-tokens");
  expect(kept.map(({ key }) => key)).not.toContain(token);
  expect(JSON.stringify(kept)).not.toContain(token.slice(4));
});
