// RebootVm: counted when it is asked for, and carried out as a change's restart is: the guest is asked to shut down, and the machine started again.
import { type Vm, type VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import type { MachineState } from "../../../backends/hypervisor/driver.ts";
import type { NotYet } from "../../../engine/reconciler.ts";
import { Fault } from "../../../fault.ts";
import type { DriverContext } from "../../driver-step.ts";
import type { CustomMethod } from "../../kind.ts";

/** @throws Fault WRONG_STATE while it does not run. */
export const rebootVm: CustomMethod<typeof VmSchema> = {
  async update(vm: Vm) {
    if (vm.state !== VmState.RUNNING)
      throw new Fault("WRONG_STATE", `vm ${vm.id} does not run, so that it can't be rebooted; start it with StartVm`);
    vm.reboots += 1;
  },
};

/** Whether a reboot has been asked for and the machine has not been down since. */
export function isRebooting({ reboots, rebootsDone }: Vm): boolean {
  return rebootsDone < reboots;
}

/** Half of a reboot is done, whoever had it shut down. */
export function isDown({ state }: MachineState): boolean {
  return state === "stopped" || state === "failed";
}

/** Stored before the machine is started: a crash between would shut it down again. Several that were asked for meanwhile are one. */
export function rebooted({ resource, observe }: DriverContext<typeof VmSchema>): NotYet {
  observe({ rebootsDone: resource.reboots });
  return { againMs: 0, reason: "Rebooting", message: "the guest is down; it is started again" };
}
