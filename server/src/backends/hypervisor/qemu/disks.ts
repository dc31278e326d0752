// Disks as qcow2 files: made, and grown by qemu-img. Formats are always named: guessing one would let a guest's bytes choose what is opened.
import { existsSync, renameSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { DriverError } from "../../driver-error.ts";
import { writeOut } from "./definition.ts";
import { run } from "./programs.ts";
import { checkHead } from "./qcow2.ts";
import { writeNewDisk } from "./qcow2-new.ts";
import { recordOf } from "./qmp.ts";

const gib = 1024 ** 3;

/** What is known of an image file. */
export interface ImageInfo {
  /** Bytes, as the guest sees it. */
  readonly virtualSize: number;
  /** Names of the snapshots in it. */
  readonly snapshots: readonly string[];
}

/** A disk as it was at a moment, in another machine's file. */
export interface DiskCopy {
  readonly file: string;
  readonly snapshotId: string;
}

/** What a new disk begins with; nothing: it is empty. */
export interface DiskOrigin {
  /** An image: the disk is a copy on write of it. */
  readonly base?: string;
  readonly copyOf?: DiskCopy;
  /** Its machine is new as well, and has all of its files written out together. Default: the disk is written out when it is made. */
  readonly keptLater?: boolean;
}

/** Reads a file's head as the format says; the file may be in use. @throws DriverError "refused" if it is not of that format. */
export async function imageInfo(file: string, format: string, signal: AbortSignal): Promise<ImageInfo> {
  const args = ["info", "--output=json", "-U", "-f", format, file];
  const printed = recordOf(JSON.parse(await run("qemu-img", args, signal))) ?? {};
  const { "virtual-size": virtualSize, snapshots } = printed;
  if (typeof virtualSize !== "number") throw new DriverError("refused", "qemu-img tells no virtual size");
  const names = (Array.isArray(snapshots) ? snapshots : []).map((one: unknown) => String(recordOf(one)?.name));
  return { virtualSize, snapshots: names };
}

/** What `qemu-img check` ends with where clusters are only wasted. */
const onlyLeaks = 3;

/** @throws DriverError "refused" if a qcow2 file's tables lead nowhere: it is cut short, or was never whole. */
export async function checkTables(file: string, signal: AbortSignal): Promise<void> {
  await run("qemu-img", ["check", "-q", "-f", "qcow2", file], signal).catch((error: unknown) => {
    if (recordOf(error instanceof DriverError ? error.cause : undefined)?.code !== onlyLeaks) throw error;
  });
}

/**
 * Makes the disk's file at least so large; a new one begins with its origin's bytes.
 *
 * @throws DriverError "refused" if it is larger already.
 */
export async function ensureDisk(
  file: string,
  disk: { readonly id: string; readonly sizeGib: number },
  signal: AbortSignal,
  origin: DiskOrigin = {},
): Promise<void> {
  if (!existsSync(file)) await makeDisk(file, disk, origin, signal);
  const { virtualSize } = checkHead(file, `disk ${disk.id}`);
  const size = disk.sizeGib * gib;
  if (virtualSize > size) throw tooSmall(disk, virtualSize);
  if (virtualSize < size) await run("qemu-img", ["resize", "-q", "-f", "qcow2", file, String(size)], signal);
}

/** The file appears when it is whole. */
async function makeDisk(
  file: string,
  disk: { readonly id: string; readonly sizeGib: number },
  { base, copyOf, keptLater = false }: DiskOrigin,
  signal: AbortSignal,
): Promise<void> {
  const part = `${file}.part`;
  rmSync(part, { force: true });
  try {
    if (copyOf !== undefined) await wholeCopy(copyOf.file, part, signal, copyOf.snapshotId);
    else createDisk(part, { ...disk, ...(base !== undefined && { base }) });
    if (!keptLater) await writeOut(part);
    renameSync(part, file);
  } finally {
    rmSync(part, { force: true });
  }
}

function createDisk(
  file: string,
  disk: { readonly id: string; readonly sizeGib: number; readonly base?: string },
): void {
  const { base, sizeGib } = disk;
  const size = sizeGib * gib;
  if (base !== undefined) {
    const { virtualSize } = checkHead(base, "the image");
    if (virtualSize > size) throw tooSmall(disk, virtualSize);
  }
  writeNewDisk(file, { virtualSize: size, ...(base !== undefined && { base: resolve(base) }) });
}

/** Writes a file that stands on no other: the disk as it is (then nobody may have it open), or as it was when the snapshot was taken. */
export async function wholeCopy(from: string, to: string, signal: AbortSignal, snapshotId?: string): Promise<void> {
  const part = snapshotId === undefined ? [] : ["-U", "-l", `snapshot.name=${snapshotId}`];
  await run("qemu-img", ["convert", "-q", "-f", "qcow2", "-O", "qcow2", ...part, from, to], signal);
}

function tooSmall(
  { id, sizeGib }: { readonly id: string; readonly sizeGib: number },
  virtualSize: number,
): DriverError {
  const needed = Math.ceil(virtualSize / gib);
  return new DriverError("refused", `disk ${id} has ${needed} GiB and can't shrink to ${sizeGib} GiB`);
}
