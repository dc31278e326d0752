// The hypervisor role: virtual machines on this host. `define` makes the machine's description equal to its argument; starting and
// stopping are asked for and then observed, since a guest takes its time. Ids are our resources' ids.

import type { Duplex } from "node:stream";

export { canGrow } from "./growth.ts";

export interface DiskSpec {
  readonly id: string;
  readonly sizeGib: number;
}

export interface NicSpec {
  readonly id: string;
  readonly portId: string;
  readonly macAddress: string;
}

export interface ImageSource {
  readonly imageId: string;
  readonly format: "qcow2" | "raw";
  readonly architecture: "x86_64" | "aarch64";
  /** http:, https:, or an upload's (uploads.ts). Undefined: a built-in image, known by its id. */
  readonly url?: string;
  /** "sha256:…"; bytes that have another one are refused. */
  readonly digest?: string;
}

/** What came when an image was fetched. */
export interface ImageFacts {
  /** "sha256:…" of the bytes as they came. */
  readonly digest: string;
  readonly sizeBytes: number;
  /** The disk that a guest sees. */
  readonly virtualSizeBytes: number;
}

/** What of a machine is exported. */
export interface ExportSource {
  readonly diskId: string;
  /** As the disk was then. Undefined: as it is, of a machine that is stopped. */
  readonly snapshotId?: string;
  /** How the file is laid out. Default "qcow2". */
  readonly format?: ImageSource["format"];
}

/** A part of a file: bytes, or so many zeros in their place. */
export type FilePart = Uint8Array | { readonly zeros: number };

/** A disk as a file that stands on no other. */
export interface ExportedDisk {
  /** Of the whole file. */
  readonly sizeBytes: number;
  /** From the first byte to the last, once, as fast as they are read. */
  readonly parts: AsyncIterable<FilePart>;
}

/** "microvm": few devices and a quick start, at the cost of a screen and of changes while it runs. */
export type MachineKind = "standard" | "microvm";
export const machineKinds: readonly MachineKind[] = ["standard", "microvm"];

export interface MachineSpec {
  readonly vmId: string;
  /** Which host it is on; read by a driver of many hosts alone. */
  readonly hostId?: string;
  /** {org}/{project}, told to the backend as the owner. */
  readonly owner: string;
  readonly hostname: string;
  readonly cpu: number;
  readonly memoryMib: number;
  readonly architecture: "x86_64" | "aarch64";
  /** Undefined: "standard". */
  readonly machine?: MachineKind;
  /** What the first disk is copied from when it is made. Undefined: it is empty. */
  readonly imageId?: string;
  /** The root disk first. A disk that is not named any more is destroyed. */
  readonly disks: readonly DiskSpec[];
  readonly nics: readonly NicSpec[];
  /** Read by the guest at its first boot alone. */
  readonly userData?: string;
  /** OpenSSH public keys, told at the first boot. */
  readonly sshKeys?: readonly string[];
  /** Ids of disks and NICs in the order in which they are tried at the start. Undefined: the disks in their order. */
  readonly bootOrder?: readonly string[];
  /** What its disks are copied from when they are made, in the place of an image: a snapshot of a machine of this host. */
  readonly copyOf?: { readonly vmId: string; readonly snapshotId: string };
}

/** What a machine uses, since it was started. */
export interface MachineStatistics {
  readonly cpuSeconds: number;
  /** Of the host, in bytes. */
  readonly memoryBytes: number;
  readonly disks: readonly {
    readonly id: string;
    readonly readBytes: number;
    readonly writtenBytes: number;
    readonly readOperations: number;
    readonly writeOperations: number;
  }[];
  /** Seen from the guest. */
  readonly nics: readonly {
    readonly id: string;
    readonly receivedBytes: number;
    readonly sentBytes: number;
    readonly receivedPackets: number;
    readonly sentPackets: number;
  }[];
  /** What the guest's agent tells; undefined without one. Hostile words: for display alone. */
  readonly guest?: { readonly hostname: string; readonly os: string };
}

/** Disks as they were at a moment. All of a machine's disks are taken together. */
export interface MachineSnapshots {
  /** Takes one, of a running machine at one moment; again with the same id: changes nothing. @throws DriverError "missing" if there is no such machine. */
  take(vmId: string, snapshotId: string, signal: AbortSignal): Promise<void>;
  /** Puts a stopped machine's disks back. @throws DriverError "missing" if there is no such snapshot, "refused" while the machine runs. */
  restore(vmId: string, snapshotId: string, signal: AbortSignal): Promise<void>;
  /** Succeeds where there is none. */
  remove(vmId: string, snapshotId: string, signal: AbortSignal): Promise<void>;
  /** The ids of a machine's snapshots. */
  list(vmId: string, signal: AbortSignal): Promise<readonly string[]>;
}

/** What a person sees of a machine. */
export interface MachineConsoles {
  /** Bytes both ways: a terminal's, or RFB (RFC 6143). Several may be open; all see the same. @throws DriverError "missing" if the machine does not run, "refused" if it has none of that type. */
  open(vmId: string, type: "serial" | "vnc", signal: AbortSignal): Promise<Duplex>;
  /** The end of what the guest wrote to its serial console, also of one that has ended. */
  log(vmId: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array>;
}

/** Where machines are, for a driver of many hosts. Which host one goes to is chosen by `Places`. */
export interface MachinePlacement {
  /** Tells which host a machine is on, as it is stored: all that is asked of the machine goes there. */
  settle(machine: { readonly vmId: string; readonly owner: string; readonly hostId: string }): void;
  /** One host's own driver. Undefined: nothing can be asked there, since it is fenced. @throws DriverError "unavailable" where this server does not know the host. */
  on(hostId: string): HypervisorDriver | undefined;
  /** Has a host have an image, for a machine that is moved there. */
  bring(hostId: string, imageId: string, signal: AbortSignal): Promise<void>;
}

/** What a host that offers to take a machine over tells the one that sends it: where, and the words that it is let in by. For drivers alone. */
export interface MoveOffer {
  /** "unix:/path", or the address of the other host's agent as "host:port". */
  readonly address: string;
  /** Good for this one move. */
  readonly secret: string;
  /** The host that offers; its certificate must name it. Undefined: on one machine alone. */
  readonly hostId?: string;
}

/** How far a move is, as its sender sees it. Bytes of memory and disks together; the whole grows while the guest writes. */
export type MoveState =
  | { readonly phase: "copying"; readonly copiedBytes: number; readonly totalBytes: number }
  /** It runs on the other host, and has ended here; its disks are here still, until `remove`. */
  | { readonly phase: "done" }
  /** It goes on here as if nothing had been asked. `reason` is a sentence for the operator. */
  | { readonly phase: "failed"; readonly reason: string };

/**
 * Moves a machine with its disks to another host, while it runs or stopped. Both ends are asked by the same caller, each of these may be asked
 * again after a crash of anybody: `offer` at the destination, `send` at the source, `state` until it is done, `settle` at the destination,
 * then `remove` at the source. At no time do two of them run, and until `done` the source is the machine.
 *
 * Until `done` the destination knows nothing of the machine but here: not in its `state`, not in its `inventory`. While it is being moved the source
 * answers "unavailable" to what would change it (`define`, `start`, snapshots); a machine that is stopped, or dies, ends the move. After `done`
 * the source has a stopped machine that can't be started or changed ("refused"), until `remove`; or until it is offered a place there again.
 */
export interface MachineMoves {
  /** Destination: makes room and waits for the host that the description's `hostId` names. Again with the same machine: the same offer, or a new one where the first is worth nothing any more. @throws DriverError "missing" without its image, "refused" where this host can't run it or has it already, with the reason. */
  offer(spec: MachineSpec, signal: AbortSignal): Promise<MoveOffer>;
  /** Source: begins; while one is under way, or is done, it changes nothing. What has failed begins anew. @throws DriverError "missing" if there is no such machine, "refused" where it can't be moved, with the reason, "unavailable" while it starts or stops. */
  send(vmId: string, offer: MoveOffer, signal: AbortSignal): Promise<void>;
  /** Source. Undefined: none was begun, or the driver that began it is gone: then the machine runs on here, and it may be sent anew. */
  state(vmId: string, signal: AbortSignal): Promise<MoveState | undefined>;
  /** Destination: from here on it is a machine like any other. Again: changes nothing. @throws DriverError "missing" if it has not come. */
  settle(vmId: string, signal: AbortSignal): Promise<void>;
  /**
   * Either end: gives up a move that is not done. The destination forgets the machine, the source goes on. Succeeds where there is none, and
   * changes nothing where the machine has come: then `state` says "done".
   *
   * @throws DriverError "unavailable" at the source, if all was handed over and the destination does not answer whether it runs there: ask again.
   */
  cancel(vmId: string, signal: AbortSignal): Promise<void>;
}

/** What a machine is doing. */
export type MachineState =
  | { readonly state: "stopped" | "starting" | "stopping" }
  /**
   * `needsRestart`: its definition has changed in a way that the running machine can't take. `trouble`: why its guest does not get on though it is
   * on, as a sentence for its owner; it passes by itself.
   */
  | { readonly state: "running"; readonly needsRestart: boolean; readonly trouble?: string }
  /** It died, or could not be started; `reason` is a sentence for its owner. */
  | { readonly state: "failed"; readonly reason: string };

/** Drives a hypervisor. */
export interface HypervisorDriver {
  /** "qemu", "firecracker", "simulated": what statuses name. */
  readonly name: string;
  /** Whether the backend forgets everything when this process ends: then everything must be ensured again at the start. */
  readonly volatile: boolean;
  /** How instructions are executed on this host: "tcg" emulates them, which is slow. Undefined: nothing is executed. */
  readonly accelerator?: { readonly name: "kvm" | "tcg" } | undefined;
  /** What a running machine takes over when it grows, as far as `canGrow` says; anything else of its size waits for a restart. Undefined: neither. */
  readonly growsWhileRunning?: { readonly cpu: boolean; readonly memory: boolean };
  /** Kinds of machines that it can't run here, each with the reason as a sentence for their owners. Undefined: it runs all. */
  readonly cantRun?: Readonly<Partial<Record<MachineKind, string>>>;
  /** Has an image's bytes at hand; done once, shared by all machines. Answers what came, where that is known. @throws DriverError "refused" if they are not what they should be. */
  ensureImage(source: ImageSource, signal: AbortSignal): Promise<ImageFacts | void>;
  /** @throws DriverError "in_use" while a machine's disk stands on it. */
  removeImage(imageId: string, signal: AbortSignal): Promise<void>;
  /**
   * Makes the machine's definition so; a new machine is stopped. A running one takes over at once what it can.
   *
   * @throws DriverError "missing" without its image; "refused" if a disk should shrink.
   */
  define(spec: MachineSpec, signal: AbortSignal): Promise<void>;
  /** Asks a machine to start. One that runs or is starting is left alone. @throws DriverError "missing" if there is no such machine. */
  start(vmId: string, signal: AbortSignal): Promise<void>;
  /**
   * Asks the guest to shut down, and pulls the plug when it has not after `graceMs` milliseconds (0: at once) since it was first asked.
   * One that is stopped is left alone.
   */
  stop(vmId: string, options: { readonly graceMs: number }, signal: AbortSignal): Promise<void>;
  /** Resets a running machine at once: the guest is not asked. @throws DriverError "missing" if it does not run. */
  reset(vmId: string, signal: AbortSignal): Promise<void>;
  /** Undefined: it does not run. */
  statistics(vmId: string, signal: AbortSignal): Promise<MachineStatistics | undefined>;
  /** Undefined: there is one host alone, and nothing to choose. */
  readonly placement?: MachinePlacement;
  /** Undefined: this backend can't. */
  readonly snapshots?: MachineSnapshots;
  /** Undefined: this backend can't. */
  readonly consoles?: MachineConsoles;
  /** Undefined: this backend can't. */
  readonly moves?: MachineMoves;
  /**
   * A disk as a file. It costs room on the host until its last part is read or the signal aborts; there is one at a time of a machine. A
   * machine that is started or removed meanwhile ends the copying of its own disk. Undefined: this backend can't.
   *
   * @throws DriverError "missing" if there is no such machine, disk or snapshot, "refused" if the machine runs and no snapshot is named,
   * "in_use" while another one is read, "unavailable" without room for it.
   */
  export?(vmId: string, source: ExportSource, signal: AbortSignal): Promise<ExportedDisk>;
  /** Undefined: there is no such machine. */
  state(vmId: string, signal: AbortSignal): Promise<MachineState | undefined>;
  /** Pulls the plug if the machine runs, and removes it with its disks; succeeds where there is none. */
  remove(vmId: string, signal: AbortSignal): Promise<void>;
  /** The ids of all machines and images that carry our mark. */
  inventory(signal: AbortSignal): Promise<{ readonly machines: readonly string[]; readonly images: readonly string[] }>;
  /** Calls back soon after a machine's state has changed, by itself or by what it was told; that it is starting since `start` need not be told. Answers how to stop. */
  onChange(listener: (machine: { readonly vmId: string; readonly owner: string }) => void): () => void;
  close(): Promise<void>;
}

/** The kinds of machines that a driver runs. */
export function kindsOf({ cantRun = {} }: Pick<HypervisorDriver, "cantRun">): readonly MachineKind[] {
  return machineKinds.filter((kind) => cantRun[kind] === undefined);
}
