// Whole copies of disks, to be taken elsewhere. qemu-img can't write to a pipe, so a copy is made first; it has no name while it is read, and is
// gone with its reader.

import { randomUUID } from "node:crypto";
import { createReadStream, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DriverError } from "../../driver-error.ts";
import { wholeCopy } from "./disks.ts";
import type { Machine } from "./machine.ts";
import { disksOf, reading } from "./snapshots.ts";

export interface ExportSource {
  readonly diskId: string;
  readonly snapshotId?: string;
}

/** @throws DriverError "missing" if there is no such disk or snapshot, "refused" if the machine runs and no snapshot is named. */
export async function exportDisk(
  machine: Machine,
  { diskId, snapshotId }: ExportSource,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  signal.throwIfAborted();
  const { spec, files } = machine;
  const held = snapshotId === undefined ? spec.disks.map(({ id }) => id) : disksOf(machine, snapshotId);
  if (!held.includes(diskId)) throw new DriverError("missing", `vm ${spec.vmId} has no disk ${diskId} to export`);
  const copy = join(files.folder, `export-${randomUUID()}.part`);
  try {
    if (snapshotId === undefined) await machine.inTurn(() => copyStopped(machine, diskId, copy, signal));
    else await reading(machine, snapshotId, () => wholeCopy(files.disk(diskId), copy, signal, snapshotId));
    return createReadStream("", { fd: openSync(copy, "r") });
  } finally {
    rmSync(copy, { force: true });
  }
}

async function copyStopped(
  { spec, files, power }: Machine,
  diskId: string,
  to: string,
  signal: AbortSignal,
): Promise<void> {
  if (power !== undefined)
    throw new DriverError("refused", `vm ${spec.vmId} runs: stop it, or export a snapshot of it`);
  await wholeCopy(files.disk(diskId), to, signal);
}
