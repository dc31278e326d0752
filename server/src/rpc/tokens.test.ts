// The memory for tokens: short, and emptied by a revocation.
import { expect, test } from "@jest/globals";
import type { Authenticator } from "../services/call.ts";
import { rememberTokens } from "./tokens.ts";

function setUp() {
  let now = 1_000;
  let asked = 0;
  let changing = false;
  const revocations: (() => void)[] = [];
  const inner: Authenticator = {
    async authenticate(token) {
      asked += 1;
      return { kind: "user", org: "acme", id: token, project: "", sessionId: token };
    },
    recheck: async () => {},
    revoked: () => new Promise((resolve) => revocations.push(() => resolve())),
    changing: () => changing,
  };
  const clock = { now: () => now, sleep: () => Promise.resolve() };
  const tokens = rememberTokens(inner, clock);
  return {
    tokens,
    revocations,
    asked: () => asked,
    wait: (ms: number) => (now += ms),
    change: (is: boolean) => (changing = is),
  };
}

test("a token is verified once in five seconds", async () => {
  const { tokens, asked, wait } = setUp();
  await tokens.authenticate("t");
  expect((await tokens.authenticate("t")).id).toBe("t");
  expect(tokens.known("t")?.id).toBe("t");
  expect(asked()).toBe(1);
  wait(5_000);
  expect(tokens.known("t")).toBeUndefined();
  await tokens.authenticate("t");
  expect(asked()).toBe(2);
});

test("those who share a token verify it once, also when they come together", async () => {
  const { tokens, asked, wait } = setUp();
  await tokens.authenticate("t");
  wait(4_500);
  await Promise.all(Array.from({ length: 64 }, () => tokens.authenticate("t")));
  expect(asked()).toBe(2);
});

test("a token is not believed for more than five seconds, however long its verification takes", async () => {
  const { tokens, wait } = setUp();
  await tokens.authenticate("t");
  wait(4_500);
  const verifying = tokens.authenticate("t");
  expect(tokens.known("t")?.id).toBe("t");
  wait(500);
  expect(tokens.known("t")).toBeUndefined();
  await verifying;
});

test("a revocation is known at once", async () => {
  const { tokens, revocations } = setUp();
  await tokens.authenticate("t");
  for (const revoke of revocations) revoke();
  await Promise.resolve();
  await Promise.resolve();
  expect(tokens.known("t")).toBeUndefined();
});

test("a token is not remembered for another", async () => {
  const { tokens } = setUp();
  await tokens.authenticate("t");
  expect(tokens.known("u")).toBeUndefined();
});

test("while its principal is being changed, a token is verified each time", async () => {
  const { tokens, asked, change } = setUp();
  await tokens.authenticate("t");
  change(true);
  expect(tokens.known("t")).toBeUndefined();
  await tokens.authenticate("t");
  await tokens.authenticate("t");
  expect(asked()).toBe(3);
  change(false);
  expect(tokens.known("t")?.id).toBe("t");
});
