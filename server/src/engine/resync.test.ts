import { afterEach, expect, test } from "@jest/globals";
import type { Store } from "../store/store.ts";
import { EngineWorld } from "./testing/engine-world.ts";
import { withFaults } from "./testing/faults.ts";

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function started(options: Parameters<typeof EngineWorld.open>[0] = {}): Promise<EngineWorld> {
  const world = await EngineWorld.open(options);
  closing.push(() => (options.beside === undefined ? world.close() : world.engine.stop()));
  world.engine.start();
  return world;
}

/** Counts the resyncs that are triggered, over all engines. */
function counting(triggered: string[]): (store: Store) => Store {
  return (store) =>
    withFaults(store, (call) => {
      if (call.method === "scheduleAll") triggered.push(String(call.args[0]));
      return undefined;
    });
}

test("a drifted backend is repaired within the kind's interval, without an event", async () => {
  const world = await started();
  const vpc = await world.addVpc("vpc-1");
  await world.untilReady(vpc);
  world.things.held.delete("table vpc-1");
  const began = world.clock.now();
  await world.until("it is repaired", () => world.things.held.has("table vpc-1"), 10_000);
  expect(world.clock.now() - began).toBeGreaterThan(50 * 60_000);
  expect(world.clock.now() - began).toBeLessThan(80 * 60_000);
  expect(await world.events(vpc)).toHaveLength(1);
});

test("of several replicas one triggers the resync", async () => {
  const triggered: string[] = [];
  const one = await started({ wrapStore: counting(triggered) });
  await started({ beside: one, wrapStore: counting(triggered), engine: { random: () => 0.51 } });
  await started({ beside: one, wrapStore: counting(triggered) });
  await one.until("the records are there", async () => (await one.store.records.list("engine.resync")).length === 2);
  await one.until("all replicas wait", () => one.clock.sleeping >= 9);
  one.clock.advance(75 * 60_000);
  await one.until("it is triggered", () => triggered.length >= 2);
  await one.until("all replicas wait again", () => one.clock.sleeping >= 9);
  expect(triggered.sort()).toEqual(["prismnet.v1.Subnet", "prismnet.v1.Vpc"]);
});

test("resync() looks at everything at once", async () => {
  const world = await started();
  await world.untilReady(await world.addVpc("vpc-1"), await world.addVpc("vpc-2"));
  world.things.held.clear();
  expect(await world.engine.resync("prismnet.v1.Vpc")).toBe(2);
  await world.until("all is there again", () => world.things.held.size === 4);
});

test("resyncAtStart fills a backend that has forgotten everything, what others stand on first", async () => {
  const one = await started();
  const vpcs = await Promise.all(["vpc-1", "vpc-2", "vpc-3"].map((id) => one.addVpc(id)));
  const subnets = await Promise.all(["subnet-1", "subnet-2"].map((id) => one.addSubnet(id, "vpc-1")));
  await one.untilReady(...vpcs, ...subnets);
  await one.engine.stop();
  one.things.held.clear();
  one.things.changes.length = 0;
  await started({ beside: one, engine: { resyncAtStart: true, concurrency: 2 } });
  await one.until("all is there again", () => one.things.held.size === 8);
  expect(one.things.changes.slice(-2).sort()).toEqual(["ensure switch subnet-1", "ensure switch subnet-2"]);
});
