// What a machine should be, and what it was started with, as files: written whole or not at all, read again after a restart.
import { randomUUID } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { promisify } from "node:util";
import type { MachineSpec } from "../driver.ts";
import type { MachineFiles } from "./layout.ts";
import type { ProcessIdentity } from "./process.ts";
import type { Room } from "./room.ts";

export interface Definition {
  readonly spec: MachineSpec;
  /** Places on the bus, by device. */
  readonly slots: Readonly<Record<string, number>>;
  /** A versioned type ("pc-q35-7.2"): what a machine is made of must not change with QEMU. */
  readonly machineType: string;
  /** QEMU's name of the processor that the guest sees; kept for the same reason. */
  readonly cpuModel: string;
  readonly uuid: string;
  /** How far it may grow while it runs, from its next start on. */
  readonly room: Room;
  /** The image that its root disk is a copy on write of; undefined: it stands on none. */
  readonly imageId?: string;
}

export interface Running {
  readonly process: ProcessIdentity;
  /** What the running machine is made of: hot changes are here, too. */
  readonly spec: MachineSpec;
  readonly room: Room;
}

/** A machine's number, drawn once. It begins as EC2's do: where cloud-init sees that, it asks the metadata service as it asks EC2's, with a token. */
export function drawUuid(): string {
  return `ec2${randomUUID().slice(3)}`;
}

/** Replaces a file as one: after a power cut it is the old one or the new one. */
export function writeWhole(file: string, value: object): void {
  const fd = openSync(`${file}.new`, "w", 0o600);
  try {
    writeFileSync(fd, JSON.stringify(value, undefined, 2));
    fsyncSync(fd);
  } catch (error) {
    rmSync(`${file}.new`, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  renameSync(`${file}.new`, file);
}

/** Writes a file beside the one that it is to replace; a power cut may leave anything of it. Answers what puts it into its place. */
export function writeBeside(file: string, value: object): () => void {
  writeFileSync(`${file}.new`, JSON.stringify(value, undefined, 2), { mode: 0o600 });
  return () => renameSync(`${file}.new`, file);
}

/** Has what was written to a file, or what a folder names, on the disk. */
export async function writeOut(file: string): Promise<void> {
  const fd = openSync(file, "r");
  try {
    await promisify(fsync)(fd);
  } finally {
    closeSync(fd);
  }
}

/** As the first half of `writeWhole`, while other things are done. Answers, when it is on the disk beside the file, what puts it into its place. */
async function prepareWhole(file: string, value: object): Promise<() => void> {
  const putInPlace = writeBeside(file, value);
  await writeOut(`${file}.new`);
  return putInPlace;
}

// The files are ours alone (mode 0600); what is in them is what `writeWhole` wrote.
export function readWhole<T>(file: string): T | undefined {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

export function readDefinition(files: MachineFiles): Definition | undefined {
  return readWhole<Definition>(files.definition);
}

export function writeDefinition(files: MachineFiles, definition: Definition): void {
  mkdirSync(files.folder, { recursive: true, mode: 0o711 });
  writeWhole(files.definition, definition);
}

/**
 * Writes the definition that holds when the work is done; both wait for the disk at the same time.
 *
 * @throws what the work throws; then the old definition stays.
 */
export async function defineBy(files: MachineFiles, definition: Definition, work: Promise<void>): Promise<void> {
  const [done, prepared] = await Promise.allSettled([work, prepareWhole(files.definition, definition)]);
  if (done.status === "rejected") throw done.reason;
  if (prepared.status === "rejected") throw prepared.reason;
  prepared.value();
}

/** What a power cut has left half written is of a process that it has ended. */
export function readRunning(files: MachineFiles): Running | undefined {
  try {
    return readWhole<Running>(files.running);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Whether anything was written down of a process: that is begun when all that it opens is there. */
export function isWrittenDown({ running }: Pick<MachineFiles, "running">): boolean {
  return existsSync(running) || existsSync(`${running}.new`);
}

/** Undefined: it does not run. */
export function writeRunning(files: MachineFiles, running: Running | undefined): void {
  if (running !== undefined) writeWhole(files.running, running);
  else for (const file of [files.running, `${files.running}.new`]) rmSync(file, { force: true });
}
