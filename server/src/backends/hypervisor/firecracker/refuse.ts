// What no microVM can be.
import { DriverError } from "../../driver-error.ts";
import type { MachineSpec } from "../driver.ts";

/** Firecracker's own limit. */
const mostProcessors = 32;

/** @throws DriverError "refused" */
export function refuseImpossible(spec: MachineSpec): void {
  const reason = reasonOf(spec);
  if (reason !== undefined) throw new DriverError("refused", `vm ${spec.vmId} can't be a microVM: ${reason}`);
}

function reasonOf({ architecture, cpu, bootOrder, disks, copyOf }: MachineSpec): string | undefined {
  if (architecture !== "x86_64") return `this host runs x86_64 machines, and it is ${architecture}`;
  if (cpu > mostProcessors) return `it has at most ${mostProcessors} processors, not ${cpu}`;
  if (bootOrder !== undefined && bootOrder[0] !== disks[0]?.id)
    return "it always starts from its first disk; leave out the boot order";
  if (copyOf !== undefined) return "there are no snapshots of microVMs that it could be copied from";
  return undefined;
}
