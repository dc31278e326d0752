// Disks as qcow2 files, made and grown by qemu-img. Formats are always named: guessing one would let a guest's bytes choose what is opened.
import { existsSync } from "node:fs";
import { DriverError } from "../../driver-error.ts";
import { run } from "./programs.ts";

const gib = 1024 ** 3;

/** What is known of an image file. */
export interface ImageInfo {
  /** Bytes, as the guest sees it. */
  readonly virtualSize: number;
  /** Names another file: its bytes, or a part of them, are elsewhere. */
  readonly refersTo: string | undefined;
}

/** Reads a file's head as the format says. @throws DriverError "refused" if it is not of that format. */
export async function imageInfo(file: string, format: string, signal: AbortSignal): Promise<ImageInfo> {
  const printed: unknown = JSON.parse(
    await run("qemu-img", ["info", "--output=json", "-U", "-f", format, file], signal),
  );
  const size = member(printed, "virtual-size");
  if (typeof size !== "number") throw new DriverError("refused", "qemu-img tells no virtual size");
  const specific = member(member(printed, "format-specific"), "data");
  const refersTo =
    member(printed, "backing-filename") ?? member(printed, "full-backing-filename") ?? member(specific, "data-file");
  return { virtualSize: size, refersTo: typeof refersTo === "string" ? refersTo : undefined };
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/**
 * Makes the disk's file at least so large; a new one is a copy on write of `base`, or empty.
 *
 * @throws DriverError "refused" if it is larger already.
 */
export async function ensureDisk(
  file: string,
  disk: { readonly id: string; readonly sizeGib: number; readonly base?: string },
  signal: AbortSignal,
): Promise<void> {
  const size = disk.sizeGib * gib;
  if (!existsSync(file)) return createDisk(file, { ...disk, size }, signal);
  const { virtualSize } = await imageInfo(file, "qcow2", signal);
  if (virtualSize > size) throw tooSmall(disk, virtualSize);
  if (virtualSize < size) await run("qemu-img", ["resize", "-f", "qcow2", file, String(size)], signal);
}

async function createDisk(
  file: string,
  disk: { readonly id: string; readonly sizeGib: number; readonly base?: string; readonly size: number },
  signal: AbortSignal,
): Promise<void> {
  if (disk.base !== undefined) {
    const { virtualSize } = await imageInfo(disk.base, "qcow2", signal);
    if (virtualSize > disk.size) throw tooSmall(disk, virtualSize);
  }
  const backing = disk.base === undefined ? [] : ["-b", disk.base, "-F", "qcow2"];
  await run("qemu-img", ["create", "-q", "-f", "qcow2", ...backing, file, String(disk.size)], signal);
}

function tooSmall(
  { id, sizeGib }: { readonly id: string; readonly sizeGib: number },
  virtualSize: number,
): DriverError {
  const needed = Math.ceil(virtualSize / gib);
  return new DriverError("refused", `disk ${id} has ${needed} GiB and can't shrink to ${sizeGib} GiB`);
}
