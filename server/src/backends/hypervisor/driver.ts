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
  /** Undefined: a built-in image, known by its id. */
  readonly url?: string;
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
  readonly image?: ImageSource;
  readonly disks: readonly DiskSpec[];
  readonly nics: readonly NicSpec[];
  readonly userData?: string;
}

/** What a machine is doing. */
export type MachineState =
  | { readonly state: "defined" | "stopped" | "starting" | "running" | "stopping" }
  | { readonly state: "failed"; readonly reason: string };

/** Drives a hypervisor. */
export interface HypervisorDriver {
  /** "qemu", "firecracker", "simulated": what statuses name. */
  readonly name: string;
  /** Has an image's bytes at hand; done once, shared by all machines. */
  ensureImage(source: ImageSource, signal: AbortSignal): Promise<void>;
  removeImage(imageId: string, signal: AbortSignal): Promise<void>;
  /** Answers whether the change needs a restart to take effect. */
  define(spec: MachineSpec, signal: AbortSignal): Promise<{ readonly needsRestart: boolean }>;
  start(vmId: string, signal: AbortSignal): Promise<void>;
  /** Asks the guest to shut down; `force` pulls the plug. */
  stop(vmId: string, options: { readonly force: boolean }, signal: AbortSignal): Promise<void>;
  /** Undefined: there is no such machine. */
  state(vmId: string, signal: AbortSignal): Promise<MachineState | undefined>;
  /** Stops the machine if it runs and removes it with its disks. */
  remove(vmId: string, signal: AbortSignal): Promise<void>;
  /** The ids of all machines that carry our mark. */
  inventory(signal: AbortSignal): Promise<readonly string[]>;
  /** Calls back when a machine's state changes by itself. Answers how to stop. */
  onChange(listener: (vmId: string) => void): () => void;
  close(): Promise<void>;
}
