// The disks of a machine: the root disk first. They grow, and never shrink.
import { create } from "@bufbuild/protobuf";
import { type VmDisk, VmDiskSchema, type VmSpec } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { invalidField } from "../../../fault.ts";

/** The root disk of a machine that is made from nothing. */
const emptyRootGib = 1;

/** What a new machine's disks are copied from. */
export interface DiskSource {
  /** "image debian-12" */
  readonly name: string;
  /** The root disk first. Without an id: whatever it is called. */
  readonly disks: readonly { readonly id: string | undefined; readonly sizeGib: number }[];
}

/** Fills in the disks where none are asked for, and checks them. @throws Fault INVALID_FIELDS */
export function admitDisks(spec: VmSpec, prior: VmSpec | undefined, source: DiskSource | undefined): void {
  if (spec.disks.length === 0) spec.disks = prior?.disks ?? disksLike(source);
  checkUniqueIds("spec.disks", spec.disks);
  checkRoot(spec, prior);
  if (prior === undefined && source !== undefined) checkRoom(spec, source);
  for (const [i, disk] of spec.disks.entries()) checkGrowth(i, disk, prior);
}

function disksLike(source: DiskSource | undefined): VmDisk[] {
  const disks = source?.disks ?? [{ id: undefined, sizeGib: emptyRootGib }];
  return disks.map(({ id = "root", sizeGib }) => create(VmDiskSchema, { id, sizeGib }));
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

function checkRoot(spec: VmSpec, prior: VmSpec | undefined): void {
  const [root] = spec.disks;
  const before = prior?.disks[0];
  if (root !== undefined && before !== undefined && before.id !== root.id)
    throw invalidField(
      "spec.disks[0].id",
      "immutable",
      `the root disk is ${JSON.stringify(before.id)} and must stay the first; a new root disk needs a new vm`,
    );
}

/** What is copied must fit: each disk onto the one of its name, the root disk onto the root disk. */
function checkRoom({ disks }: VmSpec, { name, disks: copied }: DiskSource): void {
  for (const [at, { id, sizeGib }] of copied.entries()) {
    const i = id === undefined ? 0 : disks.findIndex((disk) => disk.id === id);
    if (at === 0 && i !== 0)
      throw invalidField(
        "spec.disks[0].id",
        "conflict",
        `the root disk of ${name} is ${JSON.stringify(id)}; name it first`,
      );
    const disk = disks[i];
    if (disk !== undefined && disk.sizeGib < sizeGib)
      throw invalidField(
        `spec.disks[${i}].size_gib`,
        "range",
        `${disk.sizeGib} GiB is too small for ${name}, which needs ${sizeGib} GiB`,
      );
  }
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
