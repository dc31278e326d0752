// Where a host's machines and images are kept. Unix sockets' paths are limited to 107 bytes, so sockets live in a folder of their own.
import { createHash } from "node:crypto";
import { join } from "node:path";

/** The folders of a host. */
export interface HostFolders {
  /** Images, disks, definitions: survives a restart of the host. */
  readonly data: string;
  /** Sockets: short, and gone with the host. */
  readonly run: string;
}

/** The files of one machine. */
export interface MachineFiles {
  readonly folder: string;
  /** What it should be, and which slots its devices have. */
  readonly definition: string;
  /** What it was started with; there while it runs. */
  readonly running: string;
  readonly seed: string;
  readonly consoleLog: string;
  /** QEMU's own words. */
  readonly log: string;
  readonly monitor: string;
  readonly console: string;
  readonly vnc: string;
  disk(id: string): string;
}

/** Ten bytes of an id's digest: enough to keep the machines of a host apart, and short. */
export function shortOf(id: string): string {
  return createHash("sha256").update(id).digest("hex").slice(0, 12);
}

export function machinesFolder({ data }: HostFolders): string {
  return join(data, "machines");
}

export function imagesFolder({ data }: HostFolders): string {
  return join(data, "images");
}

export function machineFiles(host: HostFolders, vmId: string): MachineFiles {
  const folder = join(machinesFolder(host), vmId);
  const socket = (name: string) => join(host.run, shortOf(vmId), name);
  return {
    folder,
    definition: join(folder, "machine.json"),
    running: join(folder, "running.json"),
    seed: join(folder, "seed.img"),
    consoleLog: join(folder, "console.log"),
    log: join(folder, "qemu.log"),
    monitor: socket("qmp"),
    console: socket("con"),
    vnc: socket("vnc"),
    disk: (id) => join(folder, `disk-${id}.qcow2`),
  };
}
