// Disks as raw files, the one format that Firecracker opens: sparse, copied whole from an image, since there is nothing that a copy on write could stand on.
import { existsSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { DriverError } from "../../driver-error.ts";
import { imageInfo } from "../qemu/disks.ts";
import { run } from "../qemu/programs.ts";

const gib = 1024 ** 3;

export interface RawDisk {
  readonly id: string;
  readonly sizeGib: number;
  /** The qcow2 file that a new one is copied from; undefined: it is empty. */
  readonly base?: string | undefined;
}

/** Makes the disk's file at least so large. Whether it grew. @throws DriverError "refused" if it is larger already. */
export async function ensureRawDisk(file: string, disk: RawDisk, signal: AbortSignal): Promise<boolean> {
  const size = disk.sizeGib * gib;
  if (!existsSync(file)) await makeDisk(file, disk, signal);
  const { size: now } = statSync(file);
  if (now > size) throw tooSmall(disk, now);
  if (now < size) truncateSync(file, size);
  return now < size;
}

async function makeDisk(file: string, disk: RawDisk, signal: AbortSignal): Promise<void> {
  const part = `${file}.part`;
  try {
    writeFileSync(part, "", { mode: 0o600 });
    if (disk.base !== undefined) await copyImage(part, disk.base, disk, signal);
    truncateSync(part, disk.sizeGib * gib);
    renameSync(part, file);
  } finally {
    rmSync(part, { force: true });
  }
}

async function copyImage(file: string, base: string, disk: RawDisk, signal: AbortSignal): Promise<void> {
  const { virtualSize } = await imageInfo(base, "qcow2", signal);
  if (virtualSize > disk.sizeGib * gib) throw tooSmall(disk, virtualSize);
  await run("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", base, file], signal);
}

function tooSmall({ id, sizeGib }: RawDisk, bytes: number): DriverError {
  return new DriverError("refused", `disk ${id} has ${Math.ceil(bytes / gib)} GiB and can't shrink to ${sizeGib} GiB`);
}
