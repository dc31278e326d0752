// What this machine is, for the operator and for the choice of a host.
import { mkdirSync, statfsSync } from "node:fs";
import { arch, availableParallelism, release, totalmem } from "node:os";

export interface HostCapacity {
  /** Threads at a time. */
  readonly cpu: number;
  readonly memoryMib: number;
  /** Of the file system that the folder is on. */
  readonly diskGib: number;
}

/** Each choice of a host asks: the kernel knows it by heart, and a thread would take longer to be woken. @param dir Where disks are kept; made if it is not there. */
export function capacityOf(dir: string): HostCapacity {
  mkdirSync(dir, { recursive: true, mode: 0o711 });
  const { blocks, bsize } = statfsSync(dir);
  return {
    cpu: availableParallelism(),
    memoryMib: Math.floor(totalmem() / 1024 ** 2),
    diskGib: Math.floor((blocks * bsize) / 1024 ** 3),
  };
}

/** As machines' architectures are called. */
export function architecture(): "x86_64" | "aarch64" {
  return arch() === "arm64" ? "aarch64" : "x86_64";
}

export function versions(): Readonly<Record<string, string>> {
  return { agent: "0.1.0", linux: release(), node: process.versions.node };
}
