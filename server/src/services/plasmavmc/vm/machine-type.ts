// What a machine is like, and whether any host here runs machines like that.
import { MachineType, type VmSpec } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import type { MachineKind } from "../../../backends/hypervisor/driver.ts";
import { invalidField } from "../../../fault.ts";
import type { Admission } from "../../kind.ts";

/** As the drivers call it. */
export function machineKindOf({ machine }: VmSpec): MachineKind {
  return machine === MachineType.MICROVM ? "microvm" : "standard";
}

/** Asked of new machines alone: one that is there is not refused because its host can't any more. @throws Fault INVALID_FIELDS */
export function admitMachineType({ hypervisor }: Admission, spec: VmSpec): void {
  const reason = hypervisor.cantRun?.[machineKindOf(spec)];
  if (reason !== undefined)
    throw invalidField("spec.machine", "unsupported", `${reason}; leave it out for a machine that runs here`);
}
