// The five laws of reconcilers (DESIGN.md section 7) as Jest tests for any reconciler. Call `fiveLaws` at the top of a test file.
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import type { Tenant } from "../../store/store.ts";
import type { Reconciler } from "../reconciler.ts";
import { type FaultPlan, withFaultsEverywhere } from "./faults.ts";
import { type RelatedResource, StepsWorld } from "./steps-world.ts";

/** What the harness needs to try a reconciler. */
export interface FiveLaws<Desc extends DescMessage, Drivers extends object> {
  /** Names the tests: "Subnet". */
  readonly name: string;
  readonly reconciler: Reconciler<Desc, Drivers>;
  /** A resource as admission would store it: with its id and everything drawn. The same at every call. */
  readonly makeResource: () => MessageShape<Desc>;
  /** What the steps may ask for by `related`. Default: nothing. */
  readonly related?: () => readonly RelatedResource[];
  /** Fresh drivers, as at the beginning of a cloud; called once for each trial. A record of role → driver. */
  readonly drivers: () => Drivers;
  /** Puts into the backends what must be there before (a port's switch). Default: nothing. */
  readonly prepare?: (drivers: Drivers) => Promise<void>;
  /** All that the backends hold, as plain values: compared with `toEqual`. Leave out what may differ (times), sort what has no order. */
  readonly snapshot: (drivers: Drivers) => unknown;
  /** Lets `ms` pass where a step says "not yet": with an injected clock, advance it. Default: the next turn of the event loop. */
  readonly wait?: (ms: number, drivers: Drivers) => Promise<void>;
  /** The resource's id; default: the field `id` of the resource. */
  readonly id?: string;
  /** Default: the org "acme" and its project "alpha". */
  readonly tenant?: Tenant;
}

/** Registers the tests of the five laws. */
export function fiveLaws<Desc extends DescMessage, Drivers extends object>(options: FiveLaws<Desc, Drivers>): void {
  describe(`${options.name}: the five laws`, () => {
    for (const [name, law] of Object.entries(laws)) test(name, () => law(options));
  });
}

/** Each law by its name; it rejects where the reconciler breaks it. */
export const laws = {
  "each step run twice changes nothing": eachStepTwice,
  "a failure at any call leaves a clean slate after delete": cleanSlate,
  "remove twice succeeds, and removes what never was": removeTwice,
  "a crash after any call resumes": resumes,
  "two workers converge": converge,
} as const;

/** One trial: fresh drivers, the resource, and the slate as it was before. */
async function begin<Desc extends DescMessage, Drivers extends object>(laws: FiveLaws<Desc, Drivers>) {
  const drivers = laws.drivers();
  await laws.prepare?.(drivers);
  const resource = laws.makeResource();
  const wait = laws.wait;
  const world = new StepsWorld<Desc, Drivers>({
    reconciler: laws.reconciler,
    resource,
    id: laws.id ?? idOf(resource),
    tenant: laws.tenant ?? { org: "acme", project: "alpha" },
    related: laws.related?.() ?? [],
    wait: (ms) => (wait === undefined ? new Promise((resolve) => setImmediate(resolve)) : wait(ms, drivers)),
  });
  const snapshot = async () => structuredClone(await laws.snapshot(drivers));
  return { drivers, world, snapshot, before: await snapshot() };
}

function idOf(resource: object): string {
  const id: unknown = "id" in resource ? resource.id : undefined;
  if (typeof id !== "string" || id === "")
    throw new Error("makeResource() must answer a resource with an id, or give `id`");
  return id;
}

/** What the backends hold when the resource is as asked for, and how many calls that takes. */
async function golden<Desc extends DescMessage, Drivers extends object>(laws: FiveLaws<Desc, Drivers>) {
  const { drivers, world, snapshot } = await begin(laws);
  let calls = 0;
  const counted = withFaultsEverywhere(drivers, (call) => {
    calls = call.overall;
    return undefined;
  });
  await world.finish("ensure", counted);
  return { made: await snapshot(), calls };
}

async function eachStepTwice<Desc extends DescMessage, Drivers extends object>(laws: FiveLaws<Desc, Drivers>) {
  const { drivers, world, snapshot, before } = await begin(laws);
  for (const step of laws.reconciler.steps) {
    await world.finish("ensure", drivers, step.name);
    const once = await snapshot();
    await world.finish("ensure", drivers, step.name);
    expect({ step: step.name, holds: await snapshot() }).toEqual({ step: step.name, holds: once });
  }
  await world.finish("remove", drivers);
  expect(await snapshot()).toEqual(before);
}

async function removeTwice<Desc extends DescMessage, Drivers extends object>(laws: FiveLaws<Desc, Drivers>) {
  const { drivers, world, snapshot, before } = await begin(laws);
  await world.finish("remove", drivers);
  expect(await snapshot()).toEqual(before);
  await world.finish("ensure", drivers);
  await world.finish("remove", drivers);
  await world.finish("remove", drivers);
  expect(await snapshot()).toEqual(before);
}

/** The nth call of all: it fails, or it takes effect and its answer is lost. */
const atCall =
  (nth: number, fault: "fail" | "lost_answer"): FaultPlan =>
  (call) =>
    call.overall === nth ? { fault } : undefined;

/** Tries `trial` with a fault at each call that a creation makes; the creation is given up at the first failure. */
async function atEachCall<Desc extends DescMessage, Drivers extends object>(
  laws: FiveLaws<Desc, Drivers>,
  trial: (trial: Awaited<ReturnType<typeof begin<Desc, Drivers>>>) => Promise<void>,
) {
  const { calls } = await golden(laws);
  for (const fault of ["fail", "lost_answer"] as const)
    for (let nth = 1; nth <= calls; nth++) {
      const begun = await begin(laws);
      const faulty = withFaultsEverywhere(begun.drivers, atCall(nth, fault));
      await begun.world.finish("ensure", faulty).catch(() => undefined);
      await trial(begun);
    }
}

async function cleanSlate<Desc extends DescMessage, Drivers extends object>(laws: FiveLaws<Desc, Drivers>) {
  await atEachCall(laws, async ({ drivers, world, snapshot, before }) => {
    await world.finish("remove", drivers);
    expect(await snapshot()).toEqual(before);
  });
}

async function resumes<Desc extends DescMessage, Drivers extends object>(laws: FiveLaws<Desc, Drivers>) {
  const { made } = await golden(laws);
  await atEachCall(laws, async ({ drivers, world, snapshot }) => {
    await world.finish("ensure", drivers);
    expect(await snapshot()).toEqual(made);
  });
  await removalResumes(laws);
}

async function removalResumes<Desc extends DescMessage, Drivers extends object>(laws: FiveLaws<Desc, Drivers>) {
  for (let nth = 1, reached = true; reached; nth++) {
    const { drivers, world, snapshot, before } = await begin(laws);
    await world.finish("ensure", drivers);
    reached = false;
    const faulty = withFaultsEverywhere(drivers, (call) => {
      if (call.overall !== nth) return undefined;
      reached = true;
      return { fault: nth % 2 === 0 ? "fail" : "lost_answer" };
    });
    await world.finish("remove", faulty).catch(() => undefined);
    await world.finish("remove", drivers);
    expect(await snapshot()).toEqual(before);
  }
}

async function converge<Desc extends DescMessage, Drivers extends object>(laws: FiveLaws<Desc, Drivers>) {
  const { made, calls } = await golden(laws);
  await together(laws, made);
  for (let nth = 1; nth <= calls; nth++) await overtaken(laws, made, nth);
}

/** Both at the same time. */
async function together<Desc extends DescMessage, Drivers extends object>(
  laws: FiveLaws<Desc, Drivers>,
  made: unknown,
) {
  const { drivers, world, snapshot, before } = await begin(laws);
  await Promise.all([world.persist("ensure", drivers), world.persist("ensure", drivers)]);
  expect(await snapshot()).toEqual(made);
  await Promise.all([world.persist("remove", drivers), world.persist("remove", drivers)]);
  expect(await snapshot()).toEqual(before);
}

/** One stands still before its nth call, the other does everything, the first goes on. */
async function overtaken<Desc extends DescMessage, Drivers extends object>(
  laws: FiveLaws<Desc, Drivers>,
  made: unknown,
  nth: number,
) {
  const { drivers, world, snapshot } = await begin(laws);
  const reached = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const slowed = withFaultsEverywhere(drivers, (call) => {
    if (call.overall !== nth) return undefined;
    reached.resolve();
    return { fault: "delay", until: goOn.promise };
  });
  const slow = world.persist("ensure", slowed).finally(() => reached.resolve());
  await reached.promise;
  await world.persist("ensure", drivers);
  goOn.resolve();
  await slow;
  expect(await snapshot()).toEqual(made);
}
