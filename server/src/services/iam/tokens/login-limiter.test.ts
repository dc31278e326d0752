import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { openSqliteStore } from "../../../store/index.ts";
import type { Store } from "../../../store/store.ts";
import { alicePassword, callBy, faultOf, HeldClock, openWorld } from "../testing/world.ts";
import { createLoginLimiter, type LoginLimiter } from "./login-limiter.ts";
import { networkOf } from "./source-network.ts";

let store: Store;
let clock: HeldClock;
let limiter: LoginLimiter;
beforeEach(async () => {
  clock = new HeldClock();
  store = await openSqliteStore({ file: ":memory:", clock });
  limiter = createLoginLimiter(store.records, clock);
});
afterEach(() => store.close());

const alice = "user:acme/alice";
const callFrom = (sourceIp: string) => ({ sourceIp, requestId: "request-1", method: "test" });
const wrong = async (from: string, whom = alice, by = limiter) =>
  by.attempt(callFrom(from), whom, async () => undefined);
const right = async (from: string, whom = alice, by = limiter) => by.attempt(callFrom(from), whom, async () => "in");

async function wrongTimes(times: number, from: string): Promise<void> {
  for (let at = 0; at < times; at += 1) {
    await wrong(from);
    clock.advance(300_000);
  }
}

describe("createLoginLimiter()", () => {
  test("lets a person mistype five times, then doubles the wait, and says how long it is", async () => {
    for (let at = 0; at < 5; at += 1) expect(await wrong("198.51.100.1")).toBeUndefined();
    const fault = await faultOf(right("198.51.100.1"));
    expect(fault).toMatchObject({ reason: "TOO_MANY_REQUESTS", details: { retryAfterMs: 1_000 } });
    clock.advance(1_001);
    await wrong("198.51.100.1");
    expect((await faultOf(right("198.51.100.1"))).details.retryAfterMs).toBe(2_000);
    clock.advance(2_001);
    expect(await right("198.51.100.1")).toBe("in");
    expect(await wrong("198.51.100.1")).toBeUndefined();
  });

  test("never waits longer than five minutes", async () => {
    await wrongTimes(11, "198.51.100.1");
    await wrong("198.51.100.1");
    const fault = await faultOf(right("198.51.100.1"));
    expect(fault.details.retryAfterMs).toBeLessThanOrEqual(300_000);
  });

  test("counts a whole network as one place, and another one as another", async () => {
    for (let at = 0; at < 5; at += 1) await wrong(`198.51.100.${at}`);
    expect((await faultOf(right("198.51.100.77"))).reason).toBe("TOO_MANY_REQUESTS");
    expect(await right("203.0.113.1")).toBe("in");
    expect(await right("198.51.100.1", "user:acme/bob")).toBe("in");
  });

  test("knows the addresses that the principal has logged in from: neighbours there can't shut it out", async () => {
    expect(await right("198.51.100.7")).toBe("in");
    for (let at = 0; at < 5; at += 1) await wrong("198.51.100.1");
    expect((await faultOf(right("198.51.100.2"))).reason).toBe("TOO_MANY_REQUESTS");
    expect(await right("198.51.100.7")).toBe("in");
  });

  test("counts for all servers that share the store", async () => {
    const other = createLoginLimiter(store.records, clock);
    for (let at = 0; at < 5; at += 1) await wrong("198.51.100.1", alice, at % 2 === 0 ? limiter : other);
    for (const one of [limiter, other])
      expect((await faultOf(right("198.51.100.1", alice, one))).reason).toBe("TOO_MANY_REQUESTS");
  });

  test("makes strangers wait for a principal that many try, never those it knows, and refuses nobody", async () => {
    expect(await right("192.0.2.9")).toBe("in");
    for (let at = 0; at < 20; at += 1) await wrong(`10.0.${at}.1`);
    expect(await right("192.0.2.9")).toBe("in");
    let answered = false;
    const stranger = right("203.0.113.1").finally(() => {
      answered = true;
    });
    // The store answers several reads meanwhile; the stranger still waits for the clock.
    for (let at = 0; at < 20; at += 1) await store.head();
    expect(answered).toBe(false);
    clock.advance(5_000);
    expect(await stranger).toBe("in");
  });

  test("checks at most ten at a time of those that try one principal from one place", async () => {
    let [running, most] = [0, 0];
    const check = async () => {
      running += 1;
      most = Math.max(most, running);
      await store.head();
      running -= 1;
      return undefined;
    };
    const all = await Promise.allSettled(
      Array.from({ length: 60 }, () => limiter.attempt(callFrom("198.51.100.1"), alice, check)),
    );
    expect(most).toBeLessThanOrEqual(10);
    expect(all.filter(({ status }) => status === "rejected").length).toBeGreaterThan(30);
  });

  test("counts what throws as neither", async () => {
    for (let at = 0; at < 20; at += 1)
      await limiter
        .attempt(callFrom("198.51.100.1"), alice, async () => {
          throw new Error("the second factor is to come");
        })
        .catch(() => undefined);
    expect(await right("198.51.100.1")).toBe("in");
  });
});

test.each([
  ["192.0.2.77", "192.0.2.0/24"],
  ["::ffff:192.0.2.77", "192.0.2.0/24"],
  ["2001:db8:0:1:ffff::1", "2001:db8:0:1::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["", ""],
])("networkOf(%j) is %j", (address, network) => {
  expect(networkOf(address)).toBe(network);
});

test("an unknown principal is answered, counted and slowed down as a known one is", async () => {
  const world = await openWorld({ clock });
  const outcomes = async (principalId: string, from: string) => {
    const found = [];
    for (let at = 0; at < 7; at += 1) {
      const credential = { case: "password", value: "no, it is not" };
      const call = callBy("", { sourceIp: from });
      const { reason, message } = await faultOf(world.login({ orgId: "acme", principalId, credential }, call));
      found.push([reason, message]);
    }
    return found;
  };
  expect(await outcomes("nobody", "198.51.100.1")).toEqual(await outcomes("alice", "203.0.113.1"));
  const credential = { case: "password", value: alicePassword };
  const elsewhere = callBy("", { sourceIp: "192.0.2.200" });
  expect((await world.login({ orgId: "acme", principalId: "alice", credential }, elsewhere)).token).not.toBe("");
  await world.close();
});
