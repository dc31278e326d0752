// EvacuateHost: what was on a lost host is given up. Which machines that destroys is their owners' choice (spec.on_host_failure); the others go on
// waiting. The machines' own steps make them anew; this only wakes them, and tells.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { HostEvacuationSchema, type HostSchema, HostState } from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import type { NotYet } from "../../../engine/reconciler.ts";
import { Fault } from "../../../fault.ts";
import type { DriverContext } from "../../driver-step.ts";
import type { CustomMethod } from "../../kind.ts";

/** How soon it is looked again whether the machines have found other hosts, in milliseconds. */
const againMs = 2_000;
/** How many machines are named; told in host.proto. */
const mostNamed = 100;

/** @throws Fault WRONG_STATE for a host that is not fenced: its machines may run. */
export const evacuateHost: CustomMethod<typeof HostSchema> = {
  async update(host, _, { now }) {
    if (host.state !== HostState.FENCED)
      throw new Fault(
        "WRONG_STATE",
        `host ${host.id} is not fenced: its machines may run, and would run twice; make sure that it is off, fence it, and evacuate it then`,
      );
    const { startTime = timestampFromMs(now), rebuilt = 0 } = host.evacuation ?? {};
    host.evacuation = create(HostEvacuationSchema, { startTime, rebuilt, left: host.promised?.machines ?? 0 });
  },
};

/** Looks again until all who want to be made anew are; those that wait are told of. */
export async function ensureEvacuated(context: DriverContext<typeof HostSchema>): Promise<NotYet | void> {
  const { resource, drivers } = context;
  const { evacuation, state } = resource;
  const { places } = drivers;
  if (places === undefined || evacuation === undefined || state !== HostState.FENCED) return;
  const machines = await places.machinesOn(resource.id);
  const rebuilding = machines.filter(({ rebuilds }) => rebuilds);
  for (const machine of rebuilding) await places.wake(machine);
  const waiting = machines
    .slice(0, mostNamed)
    .map(({ vmId, owner, rebuilds }) => ({ vmId, owner, reason: reasonFor(rebuilds) }));
  await places.noteWaiting(resource.id, machines.length, waiting);
  if (rebuilding.length === 0) return;
  const message = `${rebuilding.length} machines are to be made anew elsewhere`;
  return { againMs, reason: "Evacuating", message, keepsReady: true };
}

function reasonFor(rebuilds: boolean): string {
  return rebuilds
    ? "it is made anew as soon as a host has room for it"
    : "its spec.on_host_failure says that it waits for the host";
}
