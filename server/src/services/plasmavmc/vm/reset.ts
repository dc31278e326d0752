// ResetVm: counted when it is asked for, and carried out by a step of its own.
import { type Vm, type VmSchema, VmState } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { DriverError } from "../../../backends/driver-error.ts";
import { Fault } from "../../../fault.ts";
import type { DriverContext } from "../../driver-step.ts";
import type { CustomMethod } from "../../kind.ts";

/** @throws Fault WRONG_STATE while it does not run. */
export const resetVm: CustomMethod<typeof VmSchema> = {
  async update(vm: Vm) {
    if (vm.state !== VmState.RUNNING)
      throw new Fault("WRONG_STATE", `vm ${vm.id} does not run, so that it can't be reset; start it with StartVm`);
    vm.resets += 1;
  },
};

/** Several that were asked for meanwhile are one; a machine that has ended since has none left. */
export async function ensureReset({ id, resource, drivers, signal, observe }: DriverContext<typeof VmSchema>) {
  if (resource.resetsDone >= resource.resets) return;
  await drivers.hypervisor.reset(id, signal).catch((error: unknown) => {
    if (!(error instanceof DriverError && error.reason === "missing")) throw error;
  });
  observe({ resetsDone: resource.resets });
}
