// The hypervisor role: virtual machines on this host. `define` makes the machine's description equal to its argument; starting and
// stopping are asked for and then observed, since a guest takes its time. Ids are our resources' ids.

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
  /** Undefined: a built-in image, known by its id. */
  readonly url?: string;
  /** "sha256:…"; bytes that have another one are refused. */
  readonly digest?: string;
}

export interface MachineSpec {
  readonly vmId: string;
  /** {org}/{project}, told to the backend as the owner. */
  readonly owner: string;
  readonly hostname: string;
  readonly cpu: number;
  readonly memoryMib: number;
  readonly architecture: "x86_64" | "aarch64";
  /** What the first disk is copied from when it is made. Undefined: it is empty. */
  readonly imageId?: string;
  /** The root disk first. A disk that is not named any more is destroyed. */
  readonly disks: readonly DiskSpec[];
  readonly nics: readonly NicSpec[];
  /** Read by the guest at its first boot alone. */
  readonly userData?: string;
}

/** What a machine is doing. */
export type MachineState =
  | { readonly state: "stopped" | "starting" | "stopping" }
  /** `needsRestart`: its definition has changed in a way that the running machine can't take. */
  | { readonly state: "running"; readonly needsRestart: boolean }
  /** It died, or could not be started; `reason` is a sentence for its owner. */
  | { readonly state: "failed"; readonly reason: string };

/** Drives a hypervisor. */
export interface HypervisorDriver {
  /** "qemu", "firecracker", "simulated": what statuses name. */
  readonly name: string;
  /** Whether the backend forgets everything when this process ends: then everything must be ensured again at the start. */
  readonly volatile: boolean;
  /** Has an image's bytes at hand; done once, shared by all machines. @throws DriverError "refused" if they are not what they should be. */
  ensureImage(source: ImageSource, signal: AbortSignal): Promise<void>;
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
  /** Undefined: there is no such machine. */
  state(vmId: string, signal: AbortSignal): Promise<MachineState | undefined>;
  /** Pulls the plug if the machine runs, and removes it with its disks; succeeds where there is none. */
  remove(vmId: string, signal: AbortSignal): Promise<void>;
  /** The ids of all machines and images that carry our mark. */
  inventory(signal: AbortSignal): Promise<{ readonly machines: readonly string[]; readonly images: readonly string[] }>;
  /** Calls back soon after a machine's state has changed. Answers how to stop. */
  onChange(listener: (machine: { readonly vmId: string; readonly owner: string }) => void): () => void;
  close(): Promise<void>;
}
