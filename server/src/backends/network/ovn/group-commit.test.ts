// When changes go out: at once, or collected after a rush.
import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import type { Clock } from "../../../clock.ts";
import type { NetworkObject } from "../driver.ts";
import { OvnNetwork } from "./driver.ts";
import { FakeDatabase } from "./testing/fake-database.ts";

const { signal } = new AbortController();

/** Nobody's sleep ends before the test says so. */
class HeldClock implements Clock {
  #wakes: (() => void)[] = [];

  now(): number {
    return 0;
  }

  sleep(_ms: number, until?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wakes.push(resolve);
      until?.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  wakeAll(): void {
    for (const wake of this.#wakes.splice(0)) wake();
  }
}

function setUp() {
  const [clock, northbound] = [new HeldClock(), new FakeDatabase()];
  const driver = new OvnNetwork(northbound, new FakeDatabase(), { southbound: "", clock });
  let made = 0;
  const routers = (count: number): NetworkObject[] =>
    Array.from({ length: count }, () => ({ type: "router", id: `vpc-${made++}`, owner: "acme/alpha", cidrs: [] }));
  const ensure = (objects: readonly NetworkObject[]) => Promise.all(objects.map((one) => driver.ensure(one, signal)));
  return { clock, northbound, driver, routers, ensure };
}

/** More turns of the event loop than a transaction takes. */
async function turns(): Promise<void> {
  for (let count = 0; count < 10; count++) await turn();
}

test("changes in ones and twos go out at once", async () => {
  const { northbound, driver, routers, ensure } = setUp();
  for (const router of routers(40)) await ensure([router]);
  expect(northbound.sent).toHaveLength(40);
  await driver.close();
});

test("changes after a rush are collected, and go out together", async () => {
  const { clock, northbound, driver, routers, ensure } = setUp();
  await ensure(routers(200));
  const { length } = northbound.sent;
  const later = routers(3).map((router) => ensure([router]));
  await turns();
  expect(northbound.sent).toHaveLength(length);
  clock.wakeAll();
  await Promise.all(later);
  expect(northbound.sent).toHaveLength(length + 1);
  await driver.close();
});

test("looking at what is as it should be is no rush", async () => {
  const { clock, northbound, driver, routers, ensure } = setUp();
  const all = routers(100);
  await ensure(all);
  clock.wakeAll();
  await ensure(all);
  const { length } = northbound.sent;
  await ensure(routers(1));
  expect(northbound.sent).toHaveLength(length + 1);
  await driver.close();
});

test("close() ends what is collected", async () => {
  const { driver, routers, ensure } = setUp();
  await ensure(routers(100));
  const waiting = expect(ensure(routers(1))).rejects.toMatchObject({ reason: "unavailable" });
  await driver.close();
  await waiting;
});

test("a whole transaction goes out before the turn ends in which it was called", async () => {
  const { northbound, driver, routers, ensure } = setUp();
  const all = ensure(routers(100));
  expect(northbound.sent).toHaveLength(1);
  await all;
  expect(northbound.sent).toHaveLength(2);
  await driver.close();
});

test("what a change needs may still be called when a transaction goes out before the turn's end", async () => {
  const { driver, routers, ensure } = setUp();
  const networks = routers(100);
  const inside = networks.map(({ id }): NetworkObject => {
    return { type: "switch", id: `in-${id}`, vpcId: id, owner: "acme/alpha", cidrs: ["10.0.0.0/24"] };
  });
  await ensure([...inside, ...networks]);
  expect(await driver.inventory()).toHaveLength(200);
  await driver.close();
});
