// Which host a machine is on. It is chosen once and stored before anything is made there, so that a crash in between makes no machine twice.
import { type Vm, type VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { DriverError } from "../../../backends/driver-error.ts";
import type { HypervisorDriver, MachineSpec } from "../../../backends/hypervisor/driver.ts";
import type { NotYet } from "../../../engine/reconciler.ts";
import { type DriverContext, ownerOf } from "../../driver-step.ts";

type Context = DriverContext<typeof VmSchema>;
type Way = (context: Context) => Promise<NotYet | void>;

/** Chooses a host for a machine that has none. */
export async function ensurePlace(
  context: Context,
  machineOf: (context: Context) => Promise<MachineSpec>,
): Promise<NotYet | void> {
  const { resource, drivers, signal, observe } = context;
  const { placement } = drivers.hypervisor;
  if (placement === undefined || resource.hostId !== "") return;
  const hostId = await placement.choose(await machineOf(context), signal);
  observe({ hostId });
  return { againMs: 0, reason: "Placed", message: "a host was found for the machine" };
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
      if (error instanceof DriverError && error.reason === "unavailable") {
        observe({ state: VmState.UNKNOWN, stateReason: error.message });
      }
      throw error;
    });
  };
}
