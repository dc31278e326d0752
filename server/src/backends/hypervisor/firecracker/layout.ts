// Where a microVM's files are. Its socket and its console's pipe live in the host's short folder, as unix sockets' paths are limited to 107 bytes.
import { join } from "node:path";
import { type HostFolders, machinesFolder, shortOf } from "../qemu/layout.ts";

/** The files of one microVM. */
export interface MicrovmFiles {
  readonly folder: string;
  /** What it should be. */
  readonly definition: string;
  /** What it was started with; there while it runs. */
  readonly running: string;
  readonly seed: string;
  /** What the guest wrote to its serial console. */
  readonly consoleLog: string;
  /** Firecracker's own words. */
  readonly log: string;
  /** What it said before it had a log. */
  readonly errors: string;
  /** Counters, a JSON object a line: each tells what was added since the one before. */
  readonly metrics: string;
  /** The sums of the counters that were read so far. */
  readonly usage: string;
  readonly socketFolder: string;
  readonly api: string;
  /** A pipe: what is typed on the serial console. */
  readonly input: string;
  disk(id: string): string;
}

export function microvmFiles(host: HostFolders, vmId: string): MicrovmFiles {
  const folder = join(machinesFolder(host), vmId);
  const socketFolder = join(host.run, shortOf(vmId));
  return {
    folder,
    definition: join(folder, "machine.json"),
    running: join(folder, "running.json"),
    seed: join(folder, "seed.img"),
    consoleLog: join(folder, "console.log"),
    log: join(folder, "firecracker.log"),
    errors: join(folder, "errors.log"),
    metrics: join(folder, "metrics.log"),
    usage: join(folder, "usage.json"),
    socketFolder,
    api: join(socketFolder, "api"),
    input: join(socketFolder, "in"),
    disk: (id) => join(folder, `disk-${id}.raw`),
  };
}

/** What the process is called (`--id`): letters, digits and hyphens alone, at most 64. */
export function processIdOf(vmId: string): string {
  return `vm-${shortOf(vmId)}`;
}

/** A drive's or an interface's name in the API: letters, digits and underscores alone. */
export function deviceIdOf(kind: "disk" | "nic", id: string): string {
  return `${kind}_${shortOf(id)}`;
}
