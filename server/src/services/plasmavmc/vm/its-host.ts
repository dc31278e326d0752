// What the host that a machine is on can do, which another may not.
import type { Vm } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { DriverError } from "../../../backends/driver-error.ts";
import type { Drivers } from "../../../backends/drivers.ts";
import type { HypervisorDriver } from "../../../backends/hypervisor/driver.ts";

type Abilities = Pick<HypervisorDriver, "accelerator" | "growsWhileRunning">;

/** Of a machine that is nowhere yet, or on a host that is not known now, the cloud's own are told. */
export function abilitiesFor({ hypervisor }: Pick<Drivers, "hypervisor">, { hostId }: Pick<Vm, "hostId">): Abilities {
  const { placement } = hypervisor;
  if (placement === undefined || hostId === "") return hypervisor;
  try {
    return placement.on(hostId) ?? hypervisor;
  } catch (error) {
    if (error instanceof DriverError) return hypervisor;
    throw error;
  }
}
