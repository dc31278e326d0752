// What a machine's disks are copied from when they are made: an image, or a snapshot of another machine.
import { ImageSchema } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import type { VmSpec } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { VmSnapshotSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_snapshot_pb";
import { invalidField } from "../../../fault.ts";
import type { Admission } from "../../kind.ts";
import type { DiskSource } from "./disks.ts";

/** What the disks of a new machine must hold. Undefined: nothing. @throws Fault INVALID_FIELDS */
export async function admitSource(admission: Admission, spec: VmSpec): Promise<DiskSource | undefined> {
  const { imageId, sourceSnapshotId } = spec;
  if (imageId !== undefined && sourceSnapshotId !== undefined)
    throw invalidField("spec.source_snapshot_id", "conflict", "an image is given, too; leave out one of the two");
  if (imageId !== undefined) {
    const { message: image } = await admission.reference(ImageSchema, imageId, "spec.image_id");
    return { name: `image ${image.id}`, disks: [{ id: undefined, sizeGib: image.minDiskGib ?? 1 }] };
  }
  if (sourceSnapshotId === undefined) return undefined;
  const path = "spec.source_snapshot_id";
  const { message: snapshot } = await admission.reference(VmSnapshotSchema, sourceSnapshotId, path);
  return { name: `snapshot ${snapshot.id}`, disks: snapshot.disks };
}
