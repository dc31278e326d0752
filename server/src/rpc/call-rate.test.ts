import { describe, expect, test } from "@jest/globals";
import { Fault } from "../fault.ts";
import type { Principal } from "../services/kind.ts";
import { createCallRate } from "./call-rate.ts";

const alice: Principal = { kind: "user", org: "acme", id: "alice", project: "", sessionId: "one" };
const bob: Principal = { ...alice, id: "bob" };

/** How many of so many calls pass. */
function passing(take: () => void, calls: number): number {
  let passed = 0;
  for (let at = 0; at < calls; at += 1)
    try {
      take();
      passed += 1;
    } catch (error) {
      if (!(error instanceof Fault && error.reason === "TOO_MANY_REQUESTS")) throw error;
    }
  return passed;
}

describe("createCallRate()", () => {
  test("lets five seconds' worth pass at once, then the steady rate", () => {
    let now = 0;
    const rate = createCallRate(10, () => now);
    expect(passing(() => rate.take(alice), 100)).toBe(50);
    now += 1_000;
    expect(passing(() => rate.take(alice), 100)).toBe(10);
    now += 60_000;
    expect(passing(() => rate.take(alice), 100)).toBe(50);
  });

  test("says when there is room again", () => {
    let now = 0;
    const rate = createCallRate(10, () => now);
    passing(() => rate.take(alice), 50);
    let fault: unknown;
    try {
      rate.take(alice);
    } catch (error) {
      fault = error;
    }
    expect(fault).toMatchObject({ reason: "TOO_MANY_REQUESTS", details: { retryAfterMs: 100 } });
    now += 100;
    expect(passing(() => rate.take(alice), 2)).toBe(1);
  });

  test("counts each principal by itself, whatever its sessions, and nobody who is not known", () => {
    const rate = createCallRate(1, () => 0);
    expect(passing(() => rate.take(alice), 9)).toBe(5);
    expect(passing(() => rate.take({ ...alice, sessionId: "two" }), 9)).toBe(0);
    expect(passing(() => rate.take(bob), 9)).toBe(5);
    expect(passing(() => rate.take(undefined), 9)).toBe(9);
  });

  test("counts nothing where the rate is 0", () => {
    const rate = createCallRate(0, () => 0);
    expect(passing(() => rate.take(alice), 1_000)).toBe(1_000);
  });

  test("is not fooled by a clock that goes back", () => {
    let now = 10_000;
    const rate = createCallRate(1, () => now);
    passing(() => rate.take(alice), 5);
    now = 0;
    expect(passing(() => rate.take(alice), 1)).toBe(0);
  });
});
