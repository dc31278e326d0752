// The snapshots of a hypervisor, which may have none.
import { DriverError } from "../../../backends/driver-error.ts";
import type { HypervisorDriver, MachineSnapshots } from "../../../backends/hypervisor/driver.ts";

/** @throws DriverError "refused" if this hypervisor takes none. */
export function snapshotsOf({ name, snapshots }: HypervisorDriver): MachineSnapshots {
  if (snapshots !== undefined) return snapshots;
  throw new DriverError("refused", `machines of the hypervisor ${name} can't be snapshotted`);
}
