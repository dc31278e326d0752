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
  /** Which snapshots there are. */
  readonly snapshots: string;
  /** There while its guest's file systems may be kept still. */
  readonly frozen: string;
  readonly seed: string;
  readonly consoleLog: string;
  /** QEMU's own words. */
  readonly log: string;
  /** All its sockets. */
  readonly sockets: string;
  readonly monitor: string;
  readonly console: string;
  readonly vnc: string;
  /** The guest's agent. */
  readonly agent: string;
  disk(id: string): string;
}

/** Ten bytes of an id's digest: enough to keep the machines of a host apart, and short. */
export function shortOf(id: string): string {
  return createHash("sha256").update(id).digest("hex").slice(0, 12);
}

/** The disk whose file has the name; undefined: it is no disk's. */
export function diskOf(fileName: string): string | undefined {
  return /^disk-(.+)\.qcow2$/.exec(fileName)?.[1];
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
    snapshots: join(folder, "snapshots.json"),
    frozen: join(folder, "frozen"),
    seed: join(folder, "seed.img"),
    consoleLog: join(folder, "console.log"),
    log: join(folder, "qemu.log"),
    sockets: join(host.run, shortOf(vmId)),
    monitor: socket("qmp"),
    console: socket("con"),
    vnc: socket("vnc"),
    agent: socket("qga"),
    disk: (id) => join(folder, `disk-${id}.qcow2`),
  };
}
