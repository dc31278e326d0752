// A move whose every call fails once: before it had an effect, or after it with the answer lost, as when the server dies there. Each machine is
// in the end on one host alone with its snapshot, runs, and is promised room there and nowhere else.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { VmMovePhase, VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { VmSnapshotSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_snapshot_pb";
import { DriverError } from "../../../backends/driver-error.ts";
import { InjectedFault } from "../../../engine/testing/faults.ts";
import { type HostsCloud, openHostsCloud } from "../../testing/hosts-cloud.ts";

/** More calls than a move makes; those that are never made are trials without a fault. */
const calls = 24;
/** Trials at a time. */
const atOnce = 12;
const kinds = ["fails", "loses its answer", "finds nobody"] as const;

interface Trial {
  readonly at: number;
  readonly kind: (typeof kinds)[number];
  seen: number;
}

let world: HostsCloud;
const trials = new Map<string, Trial>();
beforeAll(async () => {
  const terms = { memoryMib: 100_000, cpu: 1_000 };
  world = await openHostsCloud(
    [
      { id: "a", ...terms },
      { id: "b", ...terms },
    ],
    around,
  );
});
afterAll(() => world.cloud.stop());

async function around(vmId: string, method: string, call: () => Promise<unknown>): Promise<unknown> {
  const trial = trials.get(vmId);
  if (trial === undefined || ++trial.seen !== trial.at) return call();
  if (trial.kind === "finds nobody" && !method.startsWith("places."))
    throw new DriverError("unavailable", "nobody answers, as planned");
  if (trial.kind === "loses its answer") await call();
  throw new InjectedFault(`${method} failed, as planned`);
}

const over = new Set<VmMovePhase | undefined>([VmMovePhase.DONE, VmMovePhase.FAILED]);

async function attempt(trial: Trial, name: string): Promise<string> {
  const { cloud } = world;
  const spec = { cpu: 1, memory: 64, imageId: "debian-12" };
  const { id } = await cloud.create(VmSchema, { name, spec });
  await cloud.until(VmSchema, id, ({ state }) => state === VmState.RUNNING);
  const snapshot = await cloud.make(VmSnapshotSchema, { name, vmId: id });
  trials.set(id, trial);
  await world.migrate(id);
  await cloud.until(VmSchema, id, ({ move }) => over.has(move?.phase));
  const { hostId, move } = await cloud.until(VmSchema, id, ({ state }) => state === VmState.RUNNING);
  await world.until(async () => (await world.only(id)).join() === hostId);
  expect(await world.drivers.get(hostId)?.snapshots.list(id)).toEqual([snapshot.id]);
  return move?.phase === VmMovePhase.DONE ? "done" : "failed";
}

test.each(kinds)(
  "a move survives that each of its calls %s",
  async (kind) => {
    const asked = Array.from({ length: calls }, (_, i): Trial => ({ kind, at: i + 1, seen: 0 }));
    const outcomes: string[] = [];
    for (let from = 0; from < asked.length; from += atOnce) {
      const some = asked.slice(from, from + atOnce);
      outcomes.push(
        ...(await Promise.all(some.map((trial, i) => attempt(trial, `${kind}-${from + i}`.replaceAll(" ", "-"))))),
      );
    }
    expect(outcomes.filter((outcome) => outcome === "done").length).toBeGreaterThan(calls / 2);
    expect(asked.some(({ at, seen }) => seen < at)).toBe(true);
    for (const id of ["a", "b"]) {
      const { promised } = await world.host(id);
      expect(promised?.machines).toBe((await world.has(id)).length);
      expect(promised?.memoryMib).toBe(BigInt((promised?.machines ?? 0) * 64));
    }
  },
  60_000,
);
