// What drivers have in common whose machines are processes of this host: the images that they stand on, who hears of them, and what is done with
// each alone.
import { DriverError } from "../../driver-error.ts";
import { Listeners } from "../../listeners.ts";
import type { ExportedDisk, ExportSource, ImageFacts, ImageSource, MachineSpec, MachineState } from "../driver.ts";
import { type DiskFile, Exports } from "./exports.ts";
import { Images, type ImagesOptions } from "./images.ts";
import { type HostFolders, imagesFolder } from "./layout.ts";

export interface HostImages {
  readonly folders: HostFolders;
  /** The files of the built-in images, by their ids; qcow2. */
  readonly builtInImages?: ReadonlyMap<string, string>;
  /** Whether images may come from file: URLs of this host. Default false. */
  readonly localFiles?: boolean;
  /** What else images may be, and where they may come from. */
  readonly images?: Pick<ImagesOptions, "largestBytes" | "privateSources" | "uploads" | "openBuiltIn">;
  /** The host's images, where another driver stands on the same. Default: this driver's own, by the terms above. */
  readonly sharedImages?: Images;
}

/** One machine, of whatever program. */
export interface HostMachine {
  readonly spec: MachineSpec;
  /** The image that its disks need. */
  readonly imageId: string | undefined;
  readonly state: MachineState;
  start(): void;
  stop(graceMs: number): void;
  /** False: it does not run. */
  reset(): boolean | Promise<boolean>;
  remove(signal: AbortSignal): Promise<void>;
  detach(): void;
}

export abstract class HostHypervisor<M extends HostMachine> {
  protected readonly images: Images;
  protected readonly machines = new Map<string, M>();
  readonly #listeners = new Listeners<{ readonly vmId: string; readonly owner: string }>();
  readonly #exports = new Exports();

  constructor({ folders, builtInImages = new Map(), localFiles = false, images, sharedImages }: HostImages) {
    this.images =
      sharedImages ?? new Images({ folder: imagesFolder(folders), builtIn: builtInImages, localFiles, ...images });
    this.images.keepFor((id) => [...this.machines.values()].find(({ imageId }) => imageId === id)?.spec.vmId);
  }

  async ensureImage(source: ImageSource, signal: AbortSignal): Promise<ImageFacts | void> {
    signal.throwIfAborted();
    return this.images.ensure(source, signal);
  }

  async removeImage(imageId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.images.remove(imageId);
  }

  async start(vmId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const machine = this.existing(vmId, "to start");
    this.#exports.giveWay(vmId);
    machine.start();
  }

  async stop(vmId: string, { graceMs }: { readonly graceMs: number }, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.machines.get(vmId)?.stop(graceMs);
  }

  async reset(vmId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if ((await this.machines.get(vmId)?.reset()) !== true)
      throw new DriverError("missing", `vm ${vmId} does not run, so that it can't be reset`);
  }

  async export(vmId: string, source: ExportSource, signal: AbortSignal): Promise<ExportedDisk> {
    const machine = this.existing(vmId, "to export");
    const disk = this.diskOf(machine, source);
    return this.#exports.open(disk, source.format ?? "qcow2", (copy) => this.whileStill(machine, disk, copy), signal);
  }

  async state(vmId: string): Promise<MachineState | undefined> {
    return this.machines.get(vmId)?.state;
  }

  async remove(vmId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#exports.end(vmId, "was removed");
    await this.machines.get(vmId)?.remove(signal);
    this.machines.delete(vmId);
  }

  async inventory(): Promise<{ readonly machines: readonly string[]; readonly images: readonly string[] }> {
    return { machines: [...this.machines.keys()].sort(), images: this.images.ids() };
  }

  onChange(listener: (machine: { readonly vmId: string; readonly owner: string }) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Machines run on. */
  async close(): Promise<void> {
    for (const machine of this.machines.values()) machine.detach();
    this.machines.clear();
  }

  /** @throws DriverError "missing" */
  protected abstract diskOf(machine: M, source: ExportSource): DiskFile;

  /** Does something while the disk stays as it is. @throws DriverError "refused" if it can't, since the machine runs */
  protected abstract whileStill<T>(machine: M, disk: DiskFile, work: () => Promise<T>): Promise<T>;

  protected changed(machine: { readonly vmId: string; readonly owner: string }): void {
    this.#listeners.tell(machine);
  }

  /** @throws DriverError "missing" */
  protected existing(vmId: string, what: string): M {
    const machine = this.machines.get(vmId);
    if (machine === undefined) throw new DriverError("missing", `there is no vm ${vmId} ${what}`);
    return machine;
  }
}

/** @throws DriverError "refused" */
export function checkHasNetwork({ vmId, nics }: Pick<MachineSpec, "vmId" | "nics">, network: unknown): void {
  if (nics.length > 0 && network === undefined)
    throw new DriverError("refused", `this host has no network that vm ${vmId} could be plugged into`);
}
