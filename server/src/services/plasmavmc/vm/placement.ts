// Which host a machine is on. It is chosen once and stored before anything is made there, so that a crash in between makes no machine twice.
import { HostSchema, HostState } from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import { HostFailurePolicy, type Vm, type VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { DriverError } from "../../../backends/driver-error.ts";
import type { HypervisorDriver, MachineSpec } from "../../../backends/hypervisor/driver.ts";
import type { Places } from "../../../backends/hypervisor/places.ts";
import { type NotYet, StepError } from "../../../engine/reconciler.ts";
import { type DriverContext, ownerOf } from "../../driver-step.ts";
import { asGranted, lackOf } from "./placement/grants.ts";
import { isMoving } from "./placement/views.ts";

type Context = DriverContext<typeof VmSchema>;
type Way = (context: Context) => Promise<NotYet | void>;
export type Describe = (context: Context) => Promise<MachineSpec>;

const placed = { againMs: 0, reason: "Placed", message: "a host was found for the machine" } as const;

/**
 * Finds a host for a machine that has none, and another for one whose host is lost, if that was chosen. The place is stored with the machine
 * when it is told: what comes next goes on by it.
 */
export async function ensurePlace(context: Context, machineOf: Describe): Promise<NotYet | void> {
  const { resource, drivers, signal, observe } = context;
  const { places } = drivers;
  if (places === undefined) return;
  if (resource.hostId !== "" && !isMoving(resource) && (await isLost(context)))
    return onLostHost(context, places, machineOf);
  const hostId = await places.place(await machineOf(context), signal);
  if (hostId === resource.hostId) return;
  observe({ hostId });
  // What else is known of one that was elsewhere is older than its place.
  if (resource.hostId !== "") return placed;
  resource.hostId = hostId;
}

/** A machine's description as far as its host has room for it. */
export function granted(machineOf: Describe): Describe {
  return async (context) => {
    const spec = await machineOf(context);
    const { vmId, hostId } = spec;
    return hostId === undefined ? spec : asGranted(spec, await context.drivers.places?.granted({ vmId, hostId }));
  };
}

/** Says what a machine waits for that is as asked in all else. */
export async function ensureGrown(context: Context, machineOf: Describe): Promise<void> {
  const spec = await machineOf(context);
  const { vmId, hostId = "" } = spec;
  const has = await context.drivers.places?.granted({ vmId, hostId });
  const lack = has === undefined ? "" : lackOf(spec, has);
  if (lack === "") return;
  const mend = "it grows when there is room; make it smaller again, or move it to a host with more room (MigrateVm)";
  throw new StepError("NoRoom", `host ${hostId} has no room for what vm ${vmId} should grow by (${lack}): ${mend}`);
}

async function isLost({ resource, related }: Context): Promise<boolean> {
  const host = await related(HostSchema, resource.hostId);
  return host === undefined || host.state === HostState.FENCED;
}

/** Its disks went with the host: they are given up only where the machine's owner and the cloud's operator have both said so. */
async function onLostHost(context: Context, places: Places, machineOf: Describe): Promise<NotYet> {
  const { resource, related, observe, signal } = context;
  const host = await related(HostSchema, resource.hostId);
  const isGivenUp = host?.evacuation !== undefined;
  if (isGivenUp && resource.spec?.onHostFailure === HostFailurePolicy.REBUILD) {
    await places.rebuild(await machineOf(context), signal);
    return { ...placed, message: `host ${resource.hostId} was lost; the machine is made anew on another` };
  }
  const reason = lostReason(resource, isGivenUp);
  observe({ state: VmState.FAILED, stateReason: reason });
  throw new StepError("HostLost", reason);
}

function lostReason({ hostId, spec }: Vm, isGivenUp: boolean): string {
  const what = `its host ${hostId} is off, and its disks with it; it goes on when the host joins anew`;
  if (spec?.onHostFailure === HostFailurePolicy.REBUILD)
    return `${what}, or is made anew elsewhere when the cloud's operator gives the host up (EvacuateHost)`;
  const mend = "to have it made anew elsewhere, with what its disks held lost, set spec.on_host_failure to rebuild";
  return isGivenUp ? `its host ${hostId} was given up; ${mend}` : `${what}; ${mend}`;
}

/** Frees the machine's places, when nothing of it is left where that could be seen to. */
export async function removePlace({ id, key, drivers }: Context): Promise<void> {
  const { places, hypervisor } = drivers;
  const isLeft = (hostId: string) => isOff(hypervisor, hostId);
  await places?.release({ vmId: id, owner: ownerOf(key.tenant) }, isLeft);
}

/** Whether nothing can be asked of a host that is not there any more. */
export function isOff({ placement }: HypervisorDriver, hostId: string): boolean {
  try {
    return placement?.on(hostId) === undefined;
  } catch (error) {
    if (error instanceof DriverError) return true;
    throw error;
  }
}

/** Tells the driver where a machine is. False: it is nowhere yet. */
export function tellPlace({ placement }: HypervisorDriver, { id, orgId, projectId, hostId }: Vm): boolean {
  if (placement === undefined) return true;
  if (hostId === "") return false;
  placement.settle({ vmId: id, owner: `${orgId}/${projectId}`, hostId });
  return true;
}

/** Tells the driver where the machine is before each thing that is done with it. What was never placed is nowhere: nothing is left to do. */
export function onItsHost(way: Way): Way {
  return async (context) => {
    const { id, key, resource, drivers, observe } = context;
    const { placement } = drivers.hypervisor;
    if (placement === undefined) return way(context);
    if (resource.hostId === "") return;
    placement.settle({ vmId: id, owner: ownerOf(key.tenant), hostId: resource.hostId });
    return way(context).catch((error: unknown) => {
      // One that says what it lacks was asked, and its machine is as it was.
      if (error instanceof DriverError && error.reason === "unavailable" && error.status === undefined) {
        observe({ state: VmState.UNKNOWN, stateReason: error.message });
      }
      throw error;
    });
  };
}
