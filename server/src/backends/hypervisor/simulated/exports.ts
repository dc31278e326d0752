// Exports of simulated disks: nothing is on them, so the file tells whose it is. A raw one is as long as the disk, any other as what it holds.
import { DriverError } from "../../driver-error.ts";
import type { ExportedDisk, ExportSource, FilePart, MachineSpec, MachineState } from "../driver.ts";

const gib = 1024 ** 3;
/** What other formats than raw take for a disk that holds nothing. */
const emptyBytes = 192 * 1024;

export interface ExportedMachine {
  readonly spec: MachineSpec;
  readonly state: MachineState;
}

/** @param snapshots of the machine. @throws DriverError "missing", "refused" while it runs */
export function exportSimulated(
  { spec, state }: ExportedMachine,
  { diskId, snapshotId, format = "qcow2" }: ExportSource,
  snapshots: readonly string[],
  signal: AbortSignal,
): ExportedDisk {
  const { vmId, disks } = spec;
  const disk = disks.find(({ id }) => id === diskId);
  if (disk === undefined) throw new DriverError("missing", `vm ${vmId} has no disk ${diskId} to export`);
  if (snapshotId !== undefined && !snapshots.includes(snapshotId))
    throw new DriverError("missing", `vm ${vmId} has no snapshot ${snapshotId}`);
  if (snapshotId === undefined && state.state !== "stopped" && state.state !== "failed")
    throw new DriverError("refused", `vm ${vmId} runs: stop it, or export a snapshot of it`);
  const words = Buffer.from(`a simulated disk: ${vmId}/${diskId}${snapshotId === undefined ? "" : `@${snapshotId}`}\n`);
  const sizeBytes = format === "raw" ? disk.sizeGib * gib : emptyBytes;
  return { sizeBytes, parts: told([words, { zeros: sizeBytes - words.length }], signal) };
}

async function* told(parts: readonly FilePart[], signal: AbortSignal): AsyncGenerator<FilePart> {
  for (const part of parts) {
    signal.throwIfAborted();
    yield part;
  }
}
