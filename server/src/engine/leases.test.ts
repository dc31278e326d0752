// Several workers on one store: who has a task, and what becomes of it when they die, stall or stop.
import { afterEach, expect, test } from "@jest/globals";
import { State } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import type { Store } from "../store/store.ts";
import { EngineWorld, type WorldOptions } from "./testing/engine-world.ts";
import { type FaultPlan, withFaults } from "./testing/faults.ts";

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function first(options: WorldOptions = {}): Promise<EngineWorld> {
  const world = await EngineWorld.open(options);
  closing.push(() => world.close());
  world.engine.start();
  return world;
}

async function second(beside: EngineWorld, options: WorldOptions = {}): Promise<EngineWorld> {
  const world = await EngineWorld.open({ ...options, beside });
  closing.push(() => world.engine.stop());
  world.engine.start();
  return world;
}

const faulty = (plan: FaultPlan): WorldOptions => ({ wrap: (things) => withFaults(things, plan) });

/** A worker that is cut off: what it holds it can't prolong, nor settle. */
function cutOff(when: () => boolean): Pick<WorldOptions, "wrapStore"> {
  const gone = { fault: "fail", error: new Error("the network is gone") } as const;
  const plan: FaultPlan = ({ method }) =>
    when() && ["renew", "transact", "lease"].includes(method) ? gone : undefined;
  return { wrapStore: (store: Store) => withFaults(store, plan) };
}

test("two workers share the work, each task at one of them", async () => {
  const one = await first({ engine: { concurrency: 4 } });
  const two = await second(one, { engine: { concurrency: 4 } });
  const vpcs = await Promise.all(Array.from({ length: 100 }, (_, i) => one.addVpc(`vpc-${i}`)));
  await two.untilReady(...vpcs);
  expect(one.things.changes).toHaveLength(200);
  for (const vpc of vpcs) expect(await one.events(vpc)).toHaveLength(1);
});

test("a lease is prolonged while a step takes its time, and nobody else takes the task", async () => {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const one = await first(
    faulty((call) => {
      if (call.overall !== 1) return undefined;
      reached.resolve();
      return { fault: "delay", until: gate.promise };
    }),
  );
  const vpc = await one.addVpc("vpc-1");
  await reached.promise;
  const calls: string[] = [];
  await second(
    one,
    faulty((call) => void calls.push(call.method)),
  );
  const until = one.clock.now() + 120_000;
  await one.until("two minutes pass", () => one.clock.now() > until, 500);
  gate.resolve();
  await one.untilReady(vpc);
  expect(calls).toEqual([]);
});

test("a worker that is cut off aborts its step, and another one resumes after the lease ran out", async () => {
  let off = false;
  let aborted = false;
  const reached = Promise.withResolvers<void>();
  const one = await first({
    ...cutOff(() => off),
    ...faulty((call) => {
      if (call.args[0] !== "table") return undefined;
      const signal = call.args.find((arg) => arg instanceof AbortSignal);
      signal?.addEventListener("abort", () => {
        aborted = true;
      });
      reached.resolve();
      return { fault: "hang" };
    }),
  });
  const vpc = await one.addVpc("vpc-1");
  await reached.promise;
  off = true;
  const two = await second(one);
  await two.until("another resumes", async () => (await two.status(vpc))?.state === State.READY, 500);
  expect(aborted).toBe(true);
  expect(one.things.changes).toEqual(["ensure router vpc-1", "ensure table vpc-1"]);
});

test("a worker that stalls past its lease stores nothing any more", async () => {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  // As if the process was suspended: it does not come to prolonging either, nor to taking the task anew.
  const outcomes: string[] = [];
  let stalled = false;
  const one = await first({
    wrapStore: (store) =>
      withFaults(store, ({ method }) =>
        method === "renew" || (stalled && method === "lease") ? { fault: "delay", until: gate.promise } : undefined,
      ),
    metrics: { run: (_, outcome) => void outcomes.push(outcome) },
    wrap: (things) =>
      withFaults(things, (call) => {
        if (call.overall !== 1) return undefined;
        reached.resolve();
        return { fault: "delay", until: gate.promise };
      }),
  });
  const vpc = await one.addVpc("vpc-1");
  await reached.promise;
  stalled = true;
  const two = await second(one);
  await two.until("another resumes", async () => (await two.status(vpc))?.state === State.READY, 500);
  gate.resolve();
  await one.until("the stalled one gives up", () => outcomes.length > 0);
  expect(outcomes).toEqual(["lost"]);
  expect(await one.events(vpc)).toHaveLength(1);
});

test("stop() lets a running step finish", async () => {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const world = await first(
    faulty((call) => {
      if (call.args[0] !== "table") return undefined;
      reached.resolve();
      return { fault: "delay", until: gate.promise };
    }),
  );
  const vpc = await world.addVpc("vpc-1");
  await reached.promise;
  const stopped = world.engine.stop();
  gate.resolve();
  await stopped;
  expect((await world.status(vpc))?.state).toBe(State.READY);
});

test("stop() gives back what hangs, without a failure, and another worker takes it at once", async () => {
  const reached = Promise.withResolvers<void>();
  const world = await first(
    faulty(() => {
      reached.resolve();
      return { fault: "hang" };
    }),
  );
  const vpc = await world.addVpc("vpc-1");
  await reached.promise;
  await world.engine.stop();
  expect(await world.status(vpc)).toMatchObject({ state: State.CREATING, reason: "" });
  expect(await world.store.nextDue()).toBeLessThanOrEqual(world.clock.now());
  const two = await second(world);
  await two.untilReady(vpc);
});

test("stop() before anything was done ends at once, and no task is taken after it", async () => {
  const world = await first();
  await world.engine.stop();
  const vpc = await world.addVpc("vpc-1");
  world.engine.wake();
  expect((await world.status(vpc))?.state).toBe(State.CREATING);
  expect(world.things.changes).toEqual([]);
});

test("an engine survives a store that does not answer for a while", async () => {
  let off = true;
  const world = await first(cutOff(() => off));
  const vpc = await world.addVpc("vpc-1");
  await world.until("time passes", () => world.clock.now() % 60_000 > 5_000, 500);
  expect(world.things.changes).toEqual([]);
  off = false;
  await world.until("it is made", async () => (await world.status(vpc))?.state === State.READY, 500);
});

test("a task that is woken and leased again before its run has ended here is run again, not left until its lease runs out", async () => {
  const [atStep, goOn, leasedAgain, twice] = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  let [leases, runs] = [0, 0];
  const late = (store: Store): Store =>
    new Proxy(store, {
      get(target, name) {
        if (name === "transact")
          return async <T>(run: Parameters<typeof target.transact<T>>[0]) => {
            const result = await target.transact(run);
            await leasedAgain?.promise;
            return result;
          };
        if (name === "lease")
          return async (options: Parameters<typeof target.lease>[0]) => {
            const tasks = await target.lease(options);
            leases += tasks.length;
            if (leases > 1) leasedAgain?.resolve();
            return tasks;
          };
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  const world = await first({
    ...faulty((call) => {
      if (call.overall !== 1) return undefined;
      atStep?.resolve();
      return { fault: "delay", until: goOn?.promise ?? Promise.resolve() };
    }),
    wrapStore: late,
    metrics: { run: () => void (++runs === 2 && twice?.resolve()) },
  });
  const vpc = await world.addVpc("vpc-1");
  await atStep?.promise;
  await world.store.transact(async (tx) => tx.schedule(vpc));
  goOn?.resolve();
  await twice?.promise;
  expect([leases, runs]).toEqual([2, 2]);
});
