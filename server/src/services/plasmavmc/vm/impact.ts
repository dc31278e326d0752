// What a change of a machine does to its guest.
import { MachineType, PowerState, type Vm } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import type { Drivers } from "../../../backends/drivers.ts";
import { canGrow } from "../../../backends/hypervisor/driver.ts";
import { losesDisk } from "./disks.ts";
import { abilitiesFor } from "./its-host.ts";

type Impact = "hot" | "restart" | "data_loss";

/** Runs, or should. */
function isOn({ powerState }: Vm): boolean {
  return powerState !== PowerState.STOPPED;
}

function impactOfSize(part: "cpu" | "memory", prior: Vm, next: Vm, drivers: Drivers): Impact {
  const [before, after] = [prior.spec?.[part], next.spec?.[part]];
  if (before === after) return "hot";
  if (before === undefined || after === undefined || next.spec?.machine === MachineType.MICROVM) return "restart";
  const isHot = canGrow[part](before, after) && abilitiesFor(drivers, prior).growsWhileRunning?.[part] === true;
  return isHot ? "hot" : "restart";
}

/** By the path of the field: "spec.cpu". A flavor is worth what it says: where that is not in the message yet, a restart is to be expected. */
export function impactOf(path: string, prior: Vm, next: Vm, drivers: Drivers): Impact {
  if (path.startsWith("spec.disks") && losesDisk(prior.spec, next.spec)) return "data_loss";
  if (!isOn(prior) || !isOn(next)) return "hot";
  if (path === "spec.cpu") return impactOfSize("cpu", prior, next, drivers);
  if (path === "spec.memory") return impactOfSize("memory", prior, next, drivers);
  return path === "spec.flavor_id" && next.spec?.flavorId !== undefined ? "restart" : "hot";
}
