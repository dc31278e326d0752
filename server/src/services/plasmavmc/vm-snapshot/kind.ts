// Snapshots of machines: what their disks held at a moment.
import { create } from "@bufbuild/protobuf";
import { Architecture, ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { type Vm, VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { VmSnapshotDiskSchema, VmSnapshotSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_snapshot_pb";
import { Fault } from "../../../fault.ts";
import { formatPath } from "../../call.ts";
import { type Admission, defineKind } from "../../kind.ts";
import { isOrdered } from "../vm/placement/moving.ts";
import { isMoving } from "../vm/placement/views.ts";
import { isRestoring } from "../vm/restore.ts";
import { vmSnapshotReconciler } from "./kind.steps.ts";

async function architectureOf(admission: Admission, { spec }: Vm): Promise<Architecture> {
  const { imageId, sourceSnapshotId } = spec ?? {};
  const from =
    imageId === undefined
      ? await admission.get(VmSnapshotSchema, sourceSnapshotId ?? "")
      : await admission.get(ImageSchema, imageId);
  return from?.message.architecture ?? Architecture.X86_64;
}

export const vmSnapshotKind = defineKind({
  schema: VmSnapshotSchema,
  async admit(admission, next, prior) {
    if (prior !== undefined) return;
    const { message: vm } = await admission.reference(VmSchema, next.vmId, "vm_id");
    if (isMoving(vm) || isOrdered(vm))
      throw new Fault(
        "WRONG_STATE",
        `vm ${vm.id} is being moved to another host; wait until it is, then take the snapshot`,
      );
    next.disks = (vm.spec?.disks ?? []).map(({ id, sizeGib }) => create(VmSnapshotDiskSchema, { id, sizeGib }));
    next.architecture = await architectureOf(admission, vm);
  },
  async admitDelete(admission, { id, tenant, message }) {
    const vm = (await admission.get(VmSchema, message.vmId))?.message;
    if (vm === undefined || vm.restoredSnapshotId !== id || !isRestoring(vm)) return;
    const resources = [formatPath({ ...tenant, type: "vm", id: vm.id })];
    const words = `vm ${vm.id} is being restored to snapshot ${id}; delete it when that is done`;
    throw new Fault("WRONG_STATE", words, { resources });
  },
  reconciler: vmSnapshotReconciler,
});
