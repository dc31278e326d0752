// What a microVM should be, what it was started with and what it has used, as files: written whole or not at all, read again after a restart.
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { MachineSpec } from "../driver.ts";
import type { ProcessIdentity } from "../qemu/process.ts";

export interface Definition {
  readonly spec: MachineSpec;
}

export interface Running {
  readonly process: ProcessIdentity;
  /** Whether its guest was started: before, the process has yet to be told what it is. */
  readonly booted: boolean;
  /** What it was started with, disks as large as they have become. */
  readonly spec: MachineSpec;
  /** Disks that it still has but that were taken from it: their files are gone. */
  readonly lost: readonly string[];
}

/** Undefined: there is no such file. The files are ours alone (mode 0600); what is in them is what this very module wrote. */
export function readRecord<T>(file: string): T | undefined {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

/** Undefined: removes it. */
export function writeRecord(file: string, value: object | undefined): void {
  if (value === undefined) rmSync(file, { force: true });
  else {
    writeFileSync(`${file}.new`, JSON.stringify(value, undefined, 2), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
}
