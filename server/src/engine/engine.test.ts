// The engine on a real store in memory: from what was asked for to what is.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "@jest/globals";
import { State } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { DeviceType, PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { silentLog } from "./hooks.ts";
import { type Reconciler, StepError } from "./reconciler.ts";
import { EngineWorld, type WorldOptions } from "./testing/engine-world.ts";
import { type FaultPlan, withFaults } from "./testing/faults.ts";
import { kindOf, type ToyDrivers, toySubnet, toyVpc } from "./testing/toy-backend.ts";

const worlds: EngineWorld[] = [];

async function started(options: WorldOptions = {}): Promise<EngineWorld> {
  const world = await EngineWorld.open(options);
  worlds.push(world);
  world.engine.start();
  return world;
}

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

const faulty = (plan: FaultPlan): WorldOptions => ({ wrap: (things) => withFaults(things, plan) });

test("a created resource is made and becomes ready, with one event", async () => {
  const world = await started();
  const vpc = await world.addVpc("vpc-1");
  await world.untilReady(vpc);
  expect([...world.things.held.keys()]).toEqual(["router vpc-1", "table vpc-1"]);
  expect(await world.status(vpc)).toMatchObject({ backend: "toy", reason: "", observedVersion: 1n });
  const events = await world.events(vpc);
  expect(events.map(({ type, actor, version }) => ({ type, actor, version }))).toEqual([
    { type: "observed", actor: "engine", version: 1 },
  ]);
  const shown = fromBinary(VpcSchema, events[0]?.resource ?? new Uint8Array());
  expect(shown).toMatchObject({ name: "vpc-1", status: { state: State.READY } });
});

test("a changed resource is UPDATING until its new version is made", async () => {
  const world = await started();
  const vpc = await world.addVpc("vpc-1");
  await world.untilReady(vpc);
  await world.change(vpc, create(VpcSchema, { id: "vpc-1", name: "vpc-1", cidr: "10.0.0.0/8" }));
  await world.untilReady(vpc);
  expect(world.things.held.get("router vpc-1")).toBe("10.0.0.0/8");
  expect(await world.status(vpc)).toMatchObject({ observedVersion: 2n });
});

test("a deleted resource is removed backward, released, and leaves the event", async () => {
  const released: string[] = [];
  const vpcKind = { ...kindOf(toyVpc), release: async (_: unknown, row: { id: string }) => void released.push(row.id) };
  const world = await started({ kinds: [vpcKind] });
  const vpc = await world.addVpc("vpc-1");
  await world.untilReady(vpc);
  await world.delete(vpc);
  await world.untilGone(vpc);
  expect(world.things.changes.slice(2)).toEqual(["remove table vpc-1", "remove router vpc-1"]);
  expect(released).toEqual(["vpc-1"]);
  expect((await world.events(vpc)).map(({ type, version }) => `${type} ${version}`)).toEqual([
    "observed 1",
    "deleted 2",
  ]);
  expect(await world.store.nextDue()).toBeUndefined();
});

test("a resource waits for what it refers to, says so, and is woken", async () => {
  let down = true;
  const world = await started(
    faulty((call) => (call.args[0] === "table" && down ? { fault: "fail", error: unavailable } : undefined)),
  );
  const vpc = await world.addVpc("vpc-1");
  const subnet = await world.addSubnet("subnet-1", "vpc-1");
  await world.until("it waits", async () => (await world.status(subnet))?.reason === "WaitingFor");
  expect(await world.status(subnet)).toMatchObject({
    state: State.CREATING,
    message: "vpc_id: org/acme/project/alpha/vpc/vpc-1 is not ready yet",
  });
  expect(world.things.held.has("switch subnet-1")).toBe(false);
  down = false;
  // Less than the time after which it looks by itself: it was woken.
  await world.until("the vpc is ready", async () => (await world.status(vpc))?.state === State.READY, 1);
  const readyAt = world.clock.now();
  await world.untilReady(subnet);
  expect(world.clock.now() - readyAt).toBeLessThan(1_000);
  expect(world.things.held.get("switch subnet-1")).toBe("10.0.1.0/24 in 10.0.0.0/16");
});

const unavailable = new StepError("BackendUnavailable", "The backend does not answer.");

test("a failed create says why, becomes FAILED, writes no event per retry, and recovers", async () => {
  let down = true;
  const failures: string[] = [];
  const world = await started({
    ...faulty((call) => (call.method === "ensure" && down ? { fault: "fail", error: unavailable } : undefined)),
    metrics: { failure: (kind, step, reason) => void failures.push(`${kind} ${step} ${reason}`) },
  });
  const vpc = await world.addVpc("vpc-1");
  await world.until("it says why", async () => (await world.status(vpc))?.reason === "BackendUnavailable");
  expect(await world.status(vpc)).toMatchObject({ state: State.CREATING, message: unavailable.message });
  await world.until("it was tried ten times", () => failures.length >= 10, 1_000);
  expect(await world.status(vpc)).toMatchObject({ state: State.FAILED, reason: "BackendUnavailable", backend: "toy" });
  expect(await world.events(vpc)).toHaveLength(2);
  expect(failures[0]).toBe("prismnet.v1.Vpc router BackendUnavailable");
  down = false;
  await world.until("it recovers", async () => (await world.status(vpc))?.state === State.READY, 1_000);
  expect(await world.events(vpc)).toHaveLength(3);
});

const refusal = new StepError("BadFormat", "The bytes are no disk.", { final: true, cause: new Error("magic 0") });

test("what is refused for good has failed at once, is told in one line without a stack, and is tried again when it is changed", async () => {
  const lines: object[] = [];
  let refused = 0;
  const world = await started({
    ...faulty((call) => {
      if (call.args[2] !== "10.0.0.0/16") return undefined;
      refused += 1;
      return { fault: "fail", error: refusal };
    }),
    engine: { log: { ...silentLog, warn: (fields, message) => void lines.push({ ...fields, message }) } },
  });
  const vpc = await world.addVpc("vpc-1");
  await world.until("it has failed", async () => (await world.status(vpc))?.state === State.FAILED);
  const { reason, message } = refusal;
  expect(await world.status(vpc)).toMatchObject({ reason, message });
  const later = world.clock.now() + 30 * 60_000;
  await world.until("time passes", () => world.clock.now() > later, 10_000);
  expect(refused).toBe(1);
  const resource = "org/acme/project/alpha/vpc/vpc-1";
  const told = "a step was refused for good: it is left until it is changed";
  const line = {
    kind: "prismnet.v1.Vpc",
    resource,
    step: "router",
    failures: 1,
    reason,
    why: message,
    cause: "magic 0",
  };
  expect(lines).toEqual([{ ...line, message: told }]);
  await world.change(vpc, create(VpcSchema, { id: "vpc-1", name: "vpc-1", cidr: "10.0.0.0/8" }));
  await world.untilReady(vpc);
});

test("who waits for what is refused for good reads why", async () => {
  const world = await started(
    faulty((call) => (call.args[0] === "router" ? { fault: "fail", error: refusal } : undefined)),
  );
  const subnet = (await world.addVpc("vpc-1")) && (await world.addSubnet("subnet-1", "vpc-1"));
  const says = "vpc_id: org/acme/project/alpha/vpc/vpc-1 is not ready yet: it has failed (BadFormat)";
  await world.until("it waits", async () => (await world.status(subnet))?.message === says, 1_000);
});

test("the removal of what was refused for good is tried until it is done", async () => {
  let down = true;
  const world = await started(faulty(() => (down ? { fault: "fail", error: refusal } : undefined)));
  const vpc = await world.addVpc("vpc-1");
  await world.until("it has failed", async () => (await world.status(vpc))?.state === State.FAILED);
  await world.delete(vpc);
  await world.until("it says why", async () => (await world.status(vpc))?.reason === "BadFormat");
  expect(await world.status(vpc)).toMatchObject({ state: State.DELETING });
  down = false;
  await world.untilGone(vpc);
});

test("an error that is not for tenants shows as BackendError, with nothing of its text", async () => {
  const error = new Error("password authentication failed for 10.9.8.7");
  const world = await started(faulty(() => ({ fault: "fail", error })));
  const vpc = await world.addVpc("vpc-1");
  await world.until("it says why", async () => (await world.status(vpc))?.reason === "BackendError");
  expect((await world.status(vpc))?.message).not.toContain("10.9.8.7");
});

test("a missed deadline is told once and cancels nothing", async () => {
  let down = true;
  const told: string[] = [];
  const world = await started({
    ...faulty(() => (down ? { fault: "fail" } : undefined)),
    metrics: { deadline: (key, overdueMs) => void told.push(`${key.id} ${overdueMs > 0}`) },
  });
  const vpc = await world.addVpc("vpc-1");
  await world.until("it is told", () => told.length > 0, 10_000);
  const later = world.clock.now() + 30 * 60_000;
  await world.until("time passes", () => world.clock.now() > later, 10_000);
  expect(told).toEqual(["vpc-1 true"]);
  down = false;
  await world.until("it is made", async () => (await world.status(vpc))?.state === State.READY, 10_000);
});

test("a step that hangs is told of after its deadline too", async () => {
  const told: string[] = [];
  const world = await started({
    ...faulty(() => ({ fault: "hang" })),
    metrics: { deadline: (key) => void told.push(key.id) },
  });
  await world.addVpc("vpc-1");
  await world.until("it is told", () => told.length > 0, 4_000);
});

test("a step that is not done yet is looked at again, and what it observes is stored", async () => {
  let looks = 0;
  const world = await started({
    kinds: [
      kindOf({
        ...toyVpc,
        steps: [
          {
            name: "boot",
            async ensure() {
              looks += 1;
              return looks < 3 ? { againMs: 500, reason: "Booting", message: "It boots." } : undefined;
            },
            async remove() {},
          },
        ],
      }),
    ],
  });
  const vpc = await world.addVpc("vpc-1");
  await world.until("it boots", async () => (await world.status(vpc))?.reason === "Booting");
  expect(await world.status(vpc)).toMatchObject({ state: State.CREATING, message: "It boots." });
  await world.until("it is ready", async () => (await world.status(vpc))?.state === State.READY, 50);
  expect(looks).toBe(3);
  expect(await world.events(vpc)).toHaveLength(2);
});

test("a change during a run is not lost: what was made for the old version is made again", async () => {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const world = await started(
    faulty((call) => {
      if (call.overall !== 1) return undefined;
      reached.resolve();
      return { fault: "delay", until: gate.promise };
    }),
  );
  const vpc = await world.addVpc("vpc-1");
  await reached.promise;
  await world.change(vpc, create(VpcSchema, { id: "vpc-1", name: "vpc-1", cidr: "10.0.0.0/8" }));
  gate.resolve();
  await world.untilReady(vpc);
  expect(world.things.held.get("table vpc-1")).toBe("10.0.0.0/8");
  expect(await world.status(vpc)).toMatchObject({ observedVersion: 2n });
});

test("a deletion during a run wins", async () => {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const world = await started(
    faulty((call) => {
      if (call.overall !== 1) return undefined;
      reached.resolve();
      return { fault: "delay", until: gate.promise };
    }),
  );
  const vpc = await world.addVpc("vpc-1");
  await reached.promise;
  await world.delete(vpc);
  gate.resolve();
  await world.untilGone(vpc);
  expect(world.things.held.size).toBe(0);
});

test("outputs that admission sets during a run are kept", async () => {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const wire: Reconciler<typeof PortSchema, ToyDrivers> = {
    schema: PortSchema,
    backend: () => "toy",
    steps: [
      {
        name: "wire",
        async ensure(c) {
          reached.resolve();
          await gate.promise;
          c.observe({ deviceType: DeviceType.VM });
        },
        async remove() {},
      },
    ],
  };
  const world = await started({ kinds: [kindOf(wire)] });
  const port = await world.add(PortSchema, "port-1", create(PortSchema, { id: "port-1" }));
  await reached.promise;
  const outputs = toBinary(PortSchema, create(PortSchema, { deviceId: "vm-1" }));
  await world.store.transact(async (tx) => {
    await tx.get(port);
    tx.observe(port, outputs);
  });
  gate.resolve();
  await world.untilReady(port);
  expect(await world.message(PortSchema, "port-1")).toMatchObject({ deviceId: "vm-1", deviceType: DeviceType.VM });
});

test("a kind without a reconciler is ready when it is stored", async () => {
  const world = await started({ kinds: [{ schema: VpcSchema }, kindOf(toySubnet)] });
  await world.addVpc("vpc-1");
  await world.untilReady(await world.addSubnet("subnet-1", "vpc-1"));
});

test("tasks of kinds that this engine does not know are left to others", async () => {
  const world = await started({ kinds: [kindOf(toyVpc)] });
  await world.addVpc("vpc-0");
  await world.addSubnet("subnet-1", "vpc-0");
  await world.untilReady(await world.addVpc("vpc-1"));
  expect(world.things.held.has("switch subnet-1")).toBe(false);
});

test("hundreds of resources are made, each thing once, with bounded concurrency", async () => {
  let most = 0;
  const metrics = {
    active: (tasks: number) => {
      most = Math.max(most, tasks);
    },
  };
  const world = await started({ metrics, engine: { concurrency: 8 } });
  const vpcs = await Promise.all(Array.from({ length: 200 }, (_, i) => world.addVpc(`vpc-${i}`)));
  await world.untilReady(...vpcs);
  expect(world.things.changes).toHaveLength(400);
  expect(new Set(world.things.changes).size).toBe(400);
  expect(most).toBe(8);
});
