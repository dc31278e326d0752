// Drives Firecracker on this host: machines with few devices that start quickly. Each is a process of its own that outlives us; what it should be is kept
// in files, so that a restarted driver finds it as it is.
import { accessSync, constants, mkdirSync, readdirSync } from "node:fs";
import { type Clock, systemClock } from "../../../clock.ts";
import { DriverError } from "../../driver-error.ts";
import { Listeners } from "../../listeners.ts";
import type { HostNetwork } from "../../network/host-network.ts";
import type {
  ExportedDisk,
  ExportSource,
  HypervisorDriver,
  ImageFacts,
  ImageSource,
  MachineConsoles,
  MachineSpec,
  MachineState,
  MachineStatistics,
} from "../driver.ts";
import { type Accelerator, groupsOfKvm } from "../qemu/accelerator.ts";
import { Cgroups } from "../qemu/cgroups.ts";
import { Exports } from "../qemu/exports.ts";
import { Images, type ImagesOptions } from "../qemu/images.ts";
import { type HostFolders, imagesFolder, machinesFolder } from "../qemu/layout.ts";
import { Taps } from "../qemu/taps.ts";
import type { Kernel } from "./boot.ts";
import type { Host } from "./host.ts";
import { Machine } from "./machine.ts";
import { firecrackerMissing } from "./missing.ts";

export { defaultArguments, type Kernel } from "./boot.ts";
export { firecrackerMissing } from "./missing.ts";

export interface FirecrackerOptions {
  /** Of this driver alone. Every folder on the way must let others pass (o+x), since each machine has a user of its own. */
  readonly folders: HostFolders;
  /** What machines boot. */
  readonly kernel: Kernel;
  /** For images that need a kernel of their own, by their ids. */
  readonly kernels?: ReadonlyMap<string, Kernel>;
  /** Joins machines to ports; undefined: machines with NICs are refused. */
  readonly network?: HostNetwork;
  /** The files of the built-in images, by their ids; qcow2. */
  readonly builtInImages?: ReadonlyMap<string, string>;
  /** Whether images may come from file: URLs of this host. Default false. */
  readonly localFiles?: boolean;
  /** What else images may be, and where they may come from. */
  readonly images?: Pick<ImagesOptions, "largestBytes" | "privateSources" | "uploads">;
  /** The host's images, where another driver stands on the same. Default: this driver's own, by the terms above. */
  readonly sharedImages?: Images;
  /** Default "firecracker". */
  readonly program?: string;
  /** Default: what a probe finds out about this host's KVM. */
  readonly accelerator?: Accelerator;
  readonly clock?: Clock;
}

/** Finds the machines that are there and drives them. @throws DriverError "unavailable" where microVMs can't run, with the reason. */
export async function openFirecracker(options: FirecrackerOptions): Promise<FirecrackerHypervisor> {
  const missing = await firecrackerMissing(options);
  if (missing !== undefined) throw new DriverError("unavailable", missing);
  for (const kernel of [options.kernel, ...(options.kernels?.values() ?? [])]) checkKernel(kernel);
  mkdirSync(machinesFolder(options.folders), { recursive: true, mode: 0o711 });
  mkdirSync(options.folders.run, { recursive: true, mode: 0o711 });
  const driver = new FirecrackerHypervisor(options);
  await driver.findMachines();
  return driver;
}

function checkKernel({ image, initrd }: Kernel): void {
  for (const file of initrd === undefined ? [image] : [image, initrd])
    try {
      accessSync(file, constants.R_OK);
    } catch (cause) {
      throw new DriverError("unavailable", `microVMs can't boot: there is no file ${file}`, { cause });
    }
}

export class FirecrackerHypervisor implements HypervisorDriver {
  readonly name = "firecracker";
  readonly volatile = false;
  readonly accelerator = { name: "kvm" } as const;
  readonly cantRun = { standard: "Firecracker runs microVMs alone" } as const;
  readonly consoles: MachineConsoles = {
    open: async (vmId, type) => this.#openConsole(vmId, type),
    log: async (vmId, maxBytes) => this.#machines.get(vmId)?.consoleLog(maxBytes) ?? new Uint8Array(),
  };
  readonly #options: FirecrackerOptions;
  readonly #images: Images;
  readonly #exports = new Exports();
  readonly #host: Host;
  readonly #machines = new Map<string, Machine>();
  readonly #listeners = new Listeners<{ readonly vmId: string; readonly owner: string }>();

  constructor(options: FirecrackerOptions) {
    this.#options = options;
    const { folders, network, builtInImages = new Map(), localFiles = false, images, clock = systemClock } = options;
    const own = { folder: imagesFolder(folders), builtIn: builtInImages, localFiles, ...images };
    this.#images = options.sharedImages ?? new Images(own);
    this.#images.keepFor((id) => [...this.#machines.values()].find(({ spec }) => spec.imageId === id)?.spec.vmId);
    this.#host = {
      ...{ folders, clock, program: options.program ?? "firecracker" },
      ...{ ownUsers: process.getuid?.() === 0, groups: groupsOfKvm() },
      cgroups: Cgroups.open(undefined, clock),
      network: network && { host: network, taps: new Taps(network) },
      kernelOf: (imageId) => options.kernels?.get(imageId ?? "") ?? options.kernel,
      imageFile: (imageId) => this.#images.file(imageId),
      changed: (machine) => this.#listeners.tell(machine),
    };
  }

  async findMachines(): Promise<void> {
    for (const vmId of readdirSync(machinesFolder(this.#options.folders))) {
      const machine = await Machine.find(this.#host, vmId);
      if (machine !== undefined) this.#machines.set(vmId, machine);
    }
  }

  async ensureImage(source: ImageSource, signal: AbortSignal): Promise<ImageFacts | void> {
    signal.throwIfAborted();
    return this.#images.ensure(source, signal);
  }

  async removeImage(imageId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#images.remove(imageId);
  }

  async define(spec: MachineSpec, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (spec.nics.length > 0 && this.#options.network === undefined)
      throw new DriverError("refused", `this host has no network that vm ${spec.vmId} could be plugged into`);
    const machine = this.#machines.get(spec.vmId);
    if (machine === undefined) this.#machines.set(spec.vmId, await Machine.make(this.#host, spec, signal));
    else await machine.define(spec, signal);
  }

  async start(vmId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const machine = this.#machines.get(vmId);
    if (machine === undefined) throw new DriverError("missing", `there is no vm ${vmId} to start`);
    this.#exports.giveWay(vmId);
    machine.start();
  }

  async stop(vmId: string, { graceMs }: { readonly graceMs: number }, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#machines.get(vmId)?.stop(graceMs);
  }

  async reset(vmId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#machines.get(vmId)?.reset() !== true)
      throw new DriverError("missing", `vm ${vmId} does not run, so that it can't be reset`);
  }

  async statistics(vmId: string, signal: AbortSignal): Promise<MachineStatistics | undefined> {
    return this.#machines.get(vmId)?.statistics(signal);
  }

  async export(vmId: string, source: ExportSource, signal: AbortSignal): Promise<ExportedDisk> {
    const { diskId, snapshotId, format = "qcow2" } = source;
    const machine = this.#machines.get(vmId);
    if (machine === undefined) throw new DriverError("missing", `there is no vm ${vmId} to export`);
    if (snapshotId !== undefined) throw new DriverError("missing", `vm ${vmId} is a microVM: it has no snapshots`);
    const disk = { vmId, file: machine.fileOf(diskId), format: "raw" as const };
    return this.#exports.open(disk, format, (copy) => machine.whileOff(copy), signal);
  }

  async state(vmId: string): Promise<MachineState | undefined> {
    return this.#machines.get(vmId)?.state;
  }

  async remove(vmId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#exports.end(vmId, "was removed");
    await this.#machines.get(vmId)?.remove(signal);
    this.#machines.delete(vmId);
  }

  async inventory(): Promise<{ readonly machines: readonly string[]; readonly images: readonly string[] }> {
    return { machines: [...this.#machines.keys()].sort(), images: this.#images.ids() };
  }

  onChange(listener: (machine: { readonly vmId: string; readonly owner: string }) => void): () => void {
    return this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    for (const machine of this.#machines.values()) machine.detach();
    this.#machines.clear();
  }

  #openConsole(vmId: string, type: "serial" | "vnc") {
    if (type === "vnc") throw new DriverError("refused", `vm ${vmId} is a microVM: it has a serial console, no screen`);
    const opened = this.#machines.get(vmId)?.openConsole();
    if (opened === undefined) throw new DriverError("missing", `vm ${vmId} does not run`);
    return opened;
  }
}
