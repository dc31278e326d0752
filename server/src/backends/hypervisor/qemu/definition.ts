// What a machine should be, and what it was started with, as files: written whole or not at all, read again after a restart.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { MachineSpec } from "../driver.ts";
import type { MachineFiles } from "./layout.ts";
import type { ProcessIdentity } from "./process.ts";

export interface Definition {
  readonly spec: MachineSpec;
  /** Places on the bus, by device. */
  readonly slots: Readonly<Record<string, number>>;
  readonly machineType: string;
  readonly uuid: string;
}

export interface Running {
  readonly process: ProcessIdentity;
  /** What the running machine is made of: hot changes are here, too. */
  readonly spec: MachineSpec;
}

function write(file: string, value: object): void {
  writeFileSync(`${file}.new`, JSON.stringify(value, undefined, 2), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

// The files are ours alone (mode 0600); what is in them is what this very module wrote.
function read<T>(file: string): T | undefined {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

export function readDefinition(files: MachineFiles): Definition | undefined {
  return read<Definition>(files.definition);
}

export function writeDefinition(files: MachineFiles, definition: Definition): void {
  mkdirSync(files.folder, { recursive: true, mode: 0o711 });
  write(files.definition, definition);
}

export function readRunning(files: MachineFiles): Running | undefined {
  return read<Running>(files.running);
}

/** Undefined: it does not run. */
export function writeRunning(files: MachineFiles, running: Running | undefined): void {
  if (running === undefined) rmSync(files.running, { force: true });
  else write(files.running, running);
}
