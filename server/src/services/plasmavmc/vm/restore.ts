// RestoreVm: a stopped machine's disks are put back to a snapshot of it. Counted when it is asked for, and carried out before it may run again.
import { isMessage } from "@bufbuild/protobuf";
import {
  PowerState,
  RestoreVmRequestSchema,
  type Vm,
  type VmSchema,
  VmState,
} from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { type VmSnapshot, VmSnapshotSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_snapshot_pb";
import { type NotYet, StepError } from "../../../engine/reconciler.ts";
import { Fault, invalidField } from "../../../fault.ts";
import type { DriverContext } from "../../driver-step.ts";
import type { CustomMethod } from "../../kind.ts";
import { snapshotsOf } from "../vm-snapshot/facet.ts";

/** Whether a restore has been asked for and not been made. */
export function isRestoring({ restores, restoresDone }: Vm): boolean {
  return restoresDone < restores;
}

/** @throws Fault INVALID_FIELDS if the snapshot is none of this machine's, WRONG_STATE unless the machine is stopped and the snapshot taken. */
export const restoreVm: CustomMethod<typeof VmSchema> = {
  async update(vm, request, admission) {
    if (!isMessage(request, RestoreVmRequestSchema)) throw new Error("RestoreVm was given another request");
    const { message: snapshot } = await admission.reference(VmSnapshotSchema, request.snapshotId, "snapshot_id");
    checkOwn(vm, snapshot);
    checkStopped(vm);
    vm.restores += 1;
    vm.restoredSnapshotId = snapshot.id;
  },
};

function checkOwn(vm: Vm, snapshot: VmSnapshot): void {
  if (snapshot.vmId !== vm.id)
    throw invalidField(
      "snapshot_id",
      "conflict",
      `${snapshot.id} is a snapshot of vm ${snapshot.vmId}; name one of vm ${vm.id}, or clone it by spec.source_snapshot_id of a new vm`,
    );
  if (snapshot.takeTime === undefined)
    throw new Fault("WRONG_STATE", `snapshot ${snapshot.id} has not been taken yet; wait until it is ready`);
}

function checkStopped(vm: Vm): void {
  if (vm.powerState === PowerState.STOPPED && vm.state === VmState.STOPPED) return;
  throw new Fault(
    "WRONG_STATE",
    `vm ${vm.id} is not stopped; stop it with StopVm and wait until it is, then restore it`,
  );
}

/** Of a machine that is there alone. That it is done is stored before the machine may start: done again later, it would undo what the guest has written since. */
export async function ensureRestored(context: DriverContext<typeof VmSchema>): Promise<NotYet | void> {
  const { id, resource, drivers, signal, observe } = context;
  if (!isRestoring(resource) || (await drivers.hypervisor.state(id, signal)) === undefined) return;
  const snapshotId = resource.restoredSnapshotId;
  if ((await context.related(VmSnapshotSchema, snapshotId)) === undefined)
    throw new StepError("SnapshotGone", `snapshot ${snapshotId} does not exist any more; restore another one`);
  await snapshotsOf(drivers.hypervisor).restore(id, snapshotId, signal);
  observe({ restoresDone: resource.restores });
  return { againMs: 0, reason: "Restoring", message: `the disks are as snapshot ${snapshotId} has them` };
}
