// The disks of a machine: the root disk first. They grow, and never shrink.
import { create } from "@bufbuild/protobuf";
import type { Image } from "@photoncloud/proto/gen/plasmavmc/v1/image_pb";
import { type VmDisk, VmDiskSchema, type VmSpec } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { invalidField } from "../../../fault.ts";

/** The root disk of a machine without an image. */
const emptyRootGib = 1;

/** Fills in the disks where none are asked for, and checks them. @throws Fault INVALID_FIELDS */
export function admitDisks(spec: VmSpec, prior: VmSpec | undefined, image: Image | undefined): void {
  const smallest = image?.minDiskGib ?? emptyRootGib;
  if (spec.disks.length === 0) spec.disks = prior?.disks ?? [create(VmDiskSchema, { id: "root", sizeGib: smallest })];
  checkUniqueIds("spec.disks", spec.disks);
  checkRoot(spec, prior, image);
  for (const [i, disk] of spec.disks.entries()) checkGrowth(i, disk, prior);
}

/** @throws Fault INVALID_FIELDS if two entries of a list have the same id. */
export function checkUniqueIds(path: string, entries: readonly { readonly id: string }[]): void {
  const seen = new Map<string, number>();
  for (const [i, { id }] of entries.entries()) {
    const first = seen.get(id);
    if (first !== undefined)
      throw invalidField(
        `${path}[${i}].id`,
        "unique",
        `${JSON.stringify(id)} is the id of ${path}[${first}] too; choose another`,
      );
    seen.set(id, i);
  }
}

function checkRoot(spec: VmSpec, prior: VmSpec | undefined, image: Image | undefined): void {
  const [root] = spec.disks;
  const before = prior?.disks[0];
  if (root === undefined) return;
  if (before !== undefined && before.id !== root.id)
    throw invalidField(
      "spec.disks[0].id",
      "immutable",
      `the root disk is ${JSON.stringify(before.id)} and must stay the first; a new root disk needs a new vm`,
    );
  if (prior === undefined && image?.minDiskGib !== undefined && root.sizeGib < image.minDiskGib)
    throw invalidField(
      "spec.disks[0].size_gib",
      "range",
      `${root.sizeGib} GiB is too small for image ${image.id}, which needs ${image.minDiskGib} GiB`,
    );
}

function checkGrowth(i: number, disk: VmDisk, prior: VmSpec | undefined): void {
  const before = prior?.disks.find(({ id }) => id === disk.id);
  if (before !== undefined && disk.sizeGib < before.sizeGib)
    throw invalidField(
      `spec.disks[${i}].size_gib`,
      "immutable",
      `disk ${JSON.stringify(disk.id)} has ${before.sizeGib} GiB and can't shrink to ${disk.sizeGib}; give at least ${before.sizeGib}, or move the data to a new disk`,
    );
}

/** Whether an update destroys a disk. */
export function losesDisk(prior: VmSpec | undefined, next: VmSpec | undefined): boolean {
  return prior?.disks.some(({ id }) => !next?.disks.some((disk) => disk.id === id)) ?? false;
}
