// What is done about a host as a whole: what machines left there is removed, and its machines are moved or given up where that was asked for.
import { HostSchema, HostState } from "@photoncloud/proto/gen/plasmavmc/v1/host_pb";
import { DriverError } from "../../../backends/driver-error.ts";
import type { Drivers } from "../../../backends/drivers.ts";
import type { NotYet, Reconciler } from "../../../engine/reconciler.ts";
import { type DriverContext, driverStep } from "../../driver-step.ts";
import { ensureDrained } from "./drain.ts";
import { ensureEvacuated } from "./evacuation.ts";

/** How soon a removal is tried again that a host did not answer, in milliseconds. */
const againMs = 10_000;

/** Machines that were evacuated, moved or deleted while the host could not be asked must never run there again. */
async function removeLeftovers({
  resource,
  drivers,
  signal,
}: DriverContext<typeof HostSchema>): Promise<NotYet | void> {
  const { places, hypervisor } = drivers;
  if (places === undefined || resource.state !== HostState.READY) return;
  try {
    for (const leftover of await places.leftovers(resource.id)) {
      await hypervisor.placement?.on(resource.id)?.remove(leftover.vmId, signal);
      await places.swept(leftover);
    }
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
    return { againMs, reason: "Leftovers", message: error.message, keepsReady: true };
  }
}

const nothing = async () => {};

export const hostReconciler: Reconciler<typeof HostSchema, Drivers> = {
  schema: HostSchema,
  backend: () => "",
  steps: [
    driverStep({ name: "leftovers", ensure: removeLeftovers, remove: nothing }),
    driverStep({ name: "drain", ensure: ensureDrained, remove: nothing }),
    driverStep({ name: "evacuation", ensure: ensureEvacuated, remove: nothing }),
  ],
};
