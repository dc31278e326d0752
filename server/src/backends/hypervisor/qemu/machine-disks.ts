// The files of a machine's disks: made with it, destroyed when no one names them any more.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DriverError } from "../../driver-error.ts";
import type { DiskSpec, MachineSpec } from "../driver.ts";
import { type DiskOrigin, ensureDisk } from "./disks.ts";
import type { Host } from "./host.ts";
import { diskOf, type MachineFiles } from "./layout.ts";

/** Makes what is not there and lets grow what is too small; the disks of a new machine begin with its image or its original. */
export async function makeDisks(
  host: Host,
  files: MachineFiles,
  spec: MachineSpec,
  signal: AbortSignal,
): Promise<void> {
  const isNew = !existsSync(files.definition);
  for (const [i, disk] of spec.disks.entries()) {
    const origin = isNew ? { ...originOf(host, spec, disk.id, i === 0), keptLater: true } : {};
    await ensureDisk(files.disk(disk.id), disk, signal, origin);
  }
}

function originOf(host: Host, { vmId, copyOf, imageId }: MachineSpec, diskId: string, isRoot: boolean): DiskOrigin {
  if (copyOf !== undefined) {
    const copy = host.copyOf(copyOf, diskId);
    if (copy === undefined && isRoot)
      throw new DriverError("refused", `snapshot ${copyOf.snapshotId} has no disk ${diskId} to copy for vm ${vmId}`);
    return copy === undefined ? {} : { copyOf: copy };
  }
  if (imageId === undefined || !isRoot) return {};
  const base = host.imageFile(imageId);
  if (base === undefined) throw new DriverError("missing", `vm ${vmId} needs image ${imageId}, which is not there`);
  return { base };
}

/** Removes the files of disks that are not named: destroyed ones, and those of a change that was cut short. */
export function sweepDisks(files: MachineFiles, disks: readonly DiskSpec[]): void {
  const named = new Set(disks.map(({ id }) => id));
  for (const name of filesIn(files.folder)) {
    const id = diskOf(name);
    if (name.endsWith(".part") || (id !== undefined && !named.has(id))) rmSync(join(files.folder, name));
  }
}

/** Removes a machine's folder. The definition goes last: a removal that was cut short is known by it, and done again. */
export function removeFolder(files: MachineFiles): void {
  for (const name of filesIn(files.folder))
    if (join(files.folder, name) !== files.definition)
      rmSync(join(files.folder, name), { recursive: true, force: true });
  rmSync(files.folder, { recursive: true, force: true });
}

function filesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
