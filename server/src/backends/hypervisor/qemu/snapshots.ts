// Snapshots inside the disks' own qcow2 files: they survive whatever the machine survives, go in any order, stay small, and let a disk grow. A book
// beside them says which are whole: one moment takes several disks, and a host can be cut off in between.
import { DriverError } from "../../driver-error.ts";
import type { MachineSnapshots, MachineSpec } from "../driver.ts";
import { readWhole, writeWhole } from "./definition.ts";
import { ensureDisk, imageInfo } from "./disks.ts";
import { whileFrozen } from "./frozen.ts";
import type { MachineFiles } from "./layout.ts";
import type { Machine } from "./machine.ts";
import { run } from "./programs.ts";
import type { Qmp } from "./qmp.ts";

export interface Book {
  /** The disks of each snapshot, by its id. */
  readonly snapshots: Readonly<Record<string, readonly string[]>>;
  /** A snapshot that the disks are being put back to: until that is done they belong to no one moment. */
  readonly restoring?: string;
}

export function bookOf({ snapshots }: MachineFiles): Book {
  return readWhole<Book>(snapshots) ?? { snapshots: {} };
}

export function writeBook({ snapshots }: MachineFiles, book: Book): void {
  writeWhole(snapshots, book);
}

/** The disks of a snapshot that a machine still has. @throws DriverError "missing" */
export function disksOf({ files, spec }: Machine, snapshotId: string): readonly string[] {
  const disks = bookOf(files).snapshots[snapshotId];
  if (disks === undefined) throw new DriverError("missing", `vm ${spec.vmId} has no snapshot ${snapshotId}`);
  return disks.filter((id) => spec.disks.some((disk) => disk.id === id));
}

/** The snapshots of machines, which `machineOf` finds. @param checkStays throws where a machine is being moved. */
export function snapshotsOf(
  machineOf: (vmId: string) => Machine | undefined,
  checkStays: (vmId: string) => void,
): MachineSnapshots {
  const existing = (vmId: string): Machine => {
    const machine = machineOf(vmId);
    if (machine === undefined) throw new DriverError("missing", `there is no vm ${vmId}`);
    return machine;
  };
  return {
    take: async (vmId, snapshotId, signal) => {
      checkStays(vmId);
      const machine = existing(vmId);
      await machine.inTurn(() => take(machine, snapshotId, signal));
    },
    restore: async (vmId, snapshotId, signal) => {
      checkStays(vmId);
      const machine = existing(vmId);
      await machine.inTurn(() => restore(machine, snapshotId, signal));
    },
    remove: async (vmId, snapshotId, signal) => {
      checkStays(vmId);
      const machine = machineOf(vmId);
      await machine?.inTurn(() => remove(machine, snapshotId, signal));
    },
    list: async (vmId) => Object.keys(bookOf(existing(vmId).files).snapshots),
  };
}

async function take(machine: Machine, snapshotId: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { files, power } = machine;
  const book = bookOf(files);
  if (book.snapshots[snapshotId] !== undefined) return;
  await finishRestore(files, machine.spec, signal);
  const disks = (power?.running.spec ?? machine.spec).disks.map(({ id }) => id);
  for (const id of disks) await removePart(files.disk(id), id, snapshotId, power?.monitor, signal);
  if (power === undefined)
    for (const id of disks) await run("qemu-img", ["snapshot", "-c", snapshotId, files.disk(id)], signal);
  else await whileFrozen(files, power.monitor, () => takeTogether(power.monitor, disks, snapshotId));
  writeBook(files, { snapshots: { ...book.snapshots, [snapshotId]: disks } });
}

/** All disks at one moment, or none. */
async function takeTogether(monitor: Qmp, disks: readonly string[], name: string): Promise<void> {
  const actions = disks.map((id) => ({
    type: "blockdev-snapshot-internal-sync",
    data: { device: `disk-${id}`, name },
  }));
  await monitor.execute("transaction", { actions });
}

async function restore(machine: Machine, snapshotId: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { files, spec } = machine;
  const book = bookOf(files);
  if (book.snapshots[snapshotId] === undefined)
    throw new DriverError("missing", `vm ${spec.vmId} has no snapshot ${snapshotId}`);
  if (machine.power !== undefined)
    throw new DriverError("refused", `vm ${spec.vmId} runs: stop it, so that its disks can be put back`);
  writeBook(files, { ...book, restoring: snapshotId });
  await finishRestore(files, spec, signal);
}

/** Puts the disks back that were about to be; one that has grown since is as large again. */
export async function finishRestore(
  files: MachineFiles,
  { disks }: MachineSpec,
  signal = new AbortController().signal,
): Promise<void> {
  const { restoring, snapshots } = bookOf(files);
  if (restoring === undefined) return;
  for (const disk of disks.filter(({ id }) => snapshots[restoring]?.includes(id))) {
    await run("qemu-img", ["snapshot", "-a", restoring, files.disk(disk.id)], signal);
    await ensureDisk(files.disk(disk.id), disk, signal);
  }
  writeBook(files, { snapshots });
}

async function remove(machine: Machine, snapshotId: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { files, spec, power, readers } = machine;
  const { [snapshotId]: disks, ...others } = bookOf(files).snapshots;
  if (disks === undefined) return;
  if ((readers.get(snapshotId) ?? 0) > 0)
    throw new DriverError("in_use", `snapshot ${snapshotId} of vm ${spec.vmId} is being copied`);
  await finishRestore(files, spec, signal);
  for (const id of disks) await removePart(files.disk(id), id, snapshotId, power?.monitor, signal);
  writeBook(files, { snapshots: others });
}

/** Succeeds where the disk has none, or is gone. */
async function removePart(
  file: string,
  diskId: string,
  name: string,
  monitor: Qmp | undefined,
  signal: AbortSignal,
): Promise<void> {
  const info = await imageInfo(file, "qcow2", signal).catch(() => undefined);
  if (info?.snapshots.includes(name) !== true) return;
  if (monitor === undefined) await run("qemu-img", ["snapshot", "-d", name, file], signal);
  else await monitor.execute("blockdev-snapshot-delete-internal-sync", { device: `disk-${diskId}`, name });
}

/** Reads a snapshot, or the disks of a machine that is off. @throws DriverError "refused" if it runs */
export function whileStill<T>(machine: Machine, snapshotId: string | undefined, work: () => Promise<T>): Promise<T> {
  if (snapshotId !== undefined) return reading(machine, snapshotId, work);
  return machine.inTurn(async () => {
    const { power, spec, files } = machine;
    if (power !== undefined)
      throw new DriverError("refused", `vm ${spec.vmId} runs: stop it, or export a snapshot of it`);
    await finishRestore(files, spec);
    return work();
  });
}

/** Does something with a machine's snapshot that must stay as it is meanwhile. */
export async function reading<T>({ readers }: Machine, snapshotId: string, work: () => Promise<T>): Promise<T> {
  readers.set(snapshotId, (readers.get(snapshotId) ?? 0) + 1);
  try {
    return await work();
  } finally {
    readers.set(snapshotId, (readers.get(snapshotId) ?? 1) - 1);
  }
}
