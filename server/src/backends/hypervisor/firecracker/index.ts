// Drives Firecracker on this host: machines with few devices that start quickly. Each is a process of its own that outlives us; what it should be is kept
// in files, so that a restarted driver finds it as it is.
import { accessSync, constants, mkdirSync, readdirSync } from "node:fs";
import { type Clock, systemClock } from "../../../clock.ts";
import { DriverError } from "../../driver-error.ts";
import type { HostNetwork } from "../../network/host-network.ts";
import type { ExportSource, HypervisorDriver, MachineConsoles, MachineSpec, MachineStatistics } from "../driver.ts";
import { type Accelerator, groupsOfKvm } from "../qemu/accelerator.ts";
import { Cgroups } from "../qemu/cgroups.ts";
import type { DiskFile } from "../qemu/exports.ts";
import { checkHasNetwork, HostHypervisor, type HostImages } from "../qemu/host-hypervisor.ts";
import { type HostFolders, machinesFolder } from "../qemu/layout.ts";
import { Taps } from "../qemu/taps.ts";
import type { Kernel } from "./boot.ts";
import type { Host } from "./host.ts";
import { Machine } from "./machine.ts";
import { firecrackerMissing } from "./missing.ts";

export { defaultArguments, type Kernel } from "./boot.ts";
export { firecrackerMissing } from "./missing.ts";

export interface FirecrackerOptions extends HostImages {
  /** Of this driver alone. Every folder on the way must let others pass (o+x), since each machine has a user of its own. */
  readonly folders: HostFolders;
  /** What machines boot. */
  readonly kernel: Kernel;
  /** For images that need a kernel of their own, by their ids. */
  readonly kernels?: ReadonlyMap<string, Kernel>;
  /** Joins machines to ports; undefined: machines with NICs are refused. */
  readonly network?: HostNetwork;
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

export class FirecrackerHypervisor extends HostHypervisor<Machine> implements HypervisorDriver {
  readonly name = "firecracker";
  readonly volatile = false;
  readonly accelerator = { name: "kvm" } as const;
  readonly cantRun = { standard: "Firecracker runs microVMs alone" } as const;
  readonly consoles: MachineConsoles = {
    open: async (vmId, type) => this.#openConsole(vmId, type),
    log: async (vmId, maxBytes) => this.machines.get(vmId)?.consoleLog(maxBytes) ?? new Uint8Array(),
  };
  readonly #options: FirecrackerOptions;
  readonly #host: Host;

  constructor(options: FirecrackerOptions) {
    super(options);
    this.#options = options;
    const { folders, network, clock = systemClock } = options;
    this.#host = {
      folders,
      clock,
      program: options.program ?? "firecracker",
      ownUsers: process.getuid?.() === 0,
      groups: groupsOfKvm(),
      cgroups: Cgroups.open(undefined, clock),
      network: network && { host: network, taps: new Taps(network) },
      kernelOf: (imageId) => options.kernels?.get(imageId ?? "") ?? options.kernel,
      imageFile: (imageId) => this.images.file(imageId),
      changed: (machine) => this.changed(machine),
    };
  }

  async findMachines(): Promise<void> {
    for (const vmId of readdirSync(machinesFolder(this.#options.folders))) {
      const machine = await Machine.find(this.#host, vmId);
      if (machine !== undefined) this.machines.set(vmId, machine);
    }
  }

  async define(spec: MachineSpec, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    checkHasNetwork(spec, this.#options.network);
    const machine = this.machines.get(spec.vmId);
    if (machine === undefined) this.machines.set(spec.vmId, await Machine.make(this.#host, spec, signal));
    else await machine.define(spec, signal);
  }

  async statistics(vmId: string, signal: AbortSignal): Promise<MachineStatistics | undefined> {
    return this.machines.get(vmId)?.statistics(signal);
  }

  protected override diskOf(machine: Machine, { diskId, snapshotId }: ExportSource): DiskFile {
    const { vmId } = machine.spec;
    if (snapshotId !== undefined) throw new DriverError("missing", `vm ${vmId} is a microVM: it has no snapshots`);
    return { vmId, file: machine.fileOf(diskId), format: "raw" };
  }

  protected override whileStill<T>(machine: Machine, _: DiskFile, work: () => Promise<T>): Promise<T> {
    return machine.whileOff(work);
  }

  #openConsole(vmId: string, type: "serial" | "vnc") {
    if (type === "vnc") throw new DriverError("refused", `vm ${vmId} is a microVM: it has a serial console, no screen`);
    const opened = this.machines.get(vmId)?.openConsole();
    if (opened === undefined) throw new DriverError("missing", `vm ${vmId} does not run`);
    return opened;
  }
}
