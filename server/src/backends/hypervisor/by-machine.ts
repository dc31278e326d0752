// A host that runs machines of several kinds: each machine goes to the driver of its kind, and stays there.
import { DriverError } from "../driver-error.ts";
import type {
  ExportedDisk,
  ExportSource,
  HypervisorDriver,
  ImageFacts,
  ImageSource,
  MachineConsoles,
  MachineMoves,
  MachinePlacement,
  MachineSnapshots,
  MachineSpec,
  MachineState,
  MachineStatistics,
} from "./driver.ts";

export interface DriversByMachine {
  readonly standard: HypervisorDriver;
  /** Or the reason why this host can't. */
  readonly microvm: HypervisorDriver | { readonly missing: string };
}

type Listener = Parameters<HypervisorDriver["onChange"]>[0];

/** A driver of both. What it says of the host at large (placement, what grows) is what the driver of standard machines says. */
export class HypervisorByMachine implements HypervisorDriver {
  readonly name: string;
  readonly volatile: boolean;
  readonly accelerator?: { readonly name: "kvm" | "tcg" };
  readonly growsWhileRunning?: { readonly cpu: boolean; readonly memory: boolean };
  readonly cantRun: NonNullable<HypervisorDriver["cantRun"]>;
  readonly placement?: MachinePlacement;
  readonly snapshots?: MachineSnapshots;
  readonly moves?: MachineMoves;
  readonly consoles?: MachineConsoles;
  readonly export?: NonNullable<HypervisorDriver["export"]>;
  readonly #kinds: DriversByMachine;
  readonly #drivers: readonly HypervisorDriver[];
  /** By machine; whoever is not here is looked for in the inventories. */
  readonly #known = new Map<string, HypervisorDriver>();

  constructor(kinds: DriversByMachine) {
    const { standard, microvm } = kinds;
    this.#kinds = kinds;
    this.#drivers = "missing" in microvm ? [standard] : [standard, microvm];
    this.name = this.#drivers.map(({ name }) => name).join("+");
    this.volatile = this.#drivers.some((driver) => driver.volatile);
    this.cantRun = "missing" in microvm ? { microvm: microvm.missing } : {};
    const { accelerator, growsWhileRunning, placement } = standard;
    if (accelerator !== undefined) this.accelerator = accelerator;
    if (growsWhileRunning !== undefined) this.growsWhileRunning = growsWhileRunning;
    if (placement !== undefined) this.placement = placement;
    if (this.#drivers.some(({ snapshots }) => snapshots !== undefined)) this.snapshots = this.#snapshots();
    if (this.#drivers.some(({ consoles }) => consoles !== undefined)) this.consoles = this.#consoles();
    if (this.#drivers.some(({ moves }) => moves !== undefined)) this.moves = this.#moves();
    if (this.#drivers.some((driver) => driver.export !== undefined))
      this.export = (vmId, source, signal) => this.#export(vmId, source, signal);
  }

  async ensureImage(source: ImageSource, signal: AbortSignal): Promise<ImageFacts | void> {
    const facts = await Promise.all(this.#drivers.map((driver) => driver.ensureImage(source, signal)));
    return facts.find((one) => one !== undefined);
  }

  /** Where each driver has its own and a machine of one kind stands on it, the other may have removed its own already; asked again, this goes on. */
  async removeImage(imageId: string, signal: AbortSignal): Promise<void> {
    for (const driver of this.#drivers) await driver.removeImage(imageId, signal);
  }

  /** @throws DriverError "refused" for a microVM where none can run, and for a machine that should become one of another kind. */
  async define(spec: MachineSpec, signal: AbortSignal): Promise<void> {
    const wanted = this.#driverFor(spec);
    const now = await this.#find(spec.vmId, signal);
    if (now !== undefined && now !== wanted)
      throw new DriverError(
        "refused",
        `vm ${spec.vmId} is ${this.#kindOf(now)} and can't become ${this.#kindOf(wanted)}; delete it and make another`,
      );
    await wanted.define(spec, signal);
    this.#known.set(spec.vmId, wanted);
  }

  async start(vmId: string, signal: AbortSignal): Promise<void> {
    await (await this.#of(vmId, signal)).start(vmId, signal);
  }

  async stop(vmId: string, options: { readonly graceMs: number }, signal: AbortSignal): Promise<void> {
    await (await this.#of(vmId, signal)).stop(vmId, options, signal);
  }

  async reset(vmId: string, signal: AbortSignal): Promise<void> {
    await (await this.#of(vmId, signal)).reset(vmId, signal);
  }

  async statistics(vmId: string, signal: AbortSignal): Promise<MachineStatistics | undefined> {
    return (await this.#of(vmId, signal)).statistics(vmId, signal);
  }

  async state(vmId: string, signal: AbortSignal): Promise<MachineState | undefined> {
    return (await this.#of(vmId, signal)).state(vmId, signal);
  }

  /** All are asked: one may hold what is left of a machine that it could not make. */
  async remove(vmId: string, signal: AbortSignal): Promise<void> {
    for (const driver of this.#drivers) await driver.remove(vmId, signal);
    this.#known.delete(vmId);
  }

  async inventory(
    signal: AbortSignal,
  ): Promise<{ readonly machines: readonly string[]; readonly images: readonly string[] }> {
    const all = await Promise.all(this.#drivers.map((driver) => driver.inventory(signal)));
    const merge = (lists: readonly (readonly string[])[]) => [...new Set(lists.flat())].sort();
    return { machines: merge(all.map(({ machines }) => machines)), images: merge(all.map(({ images }) => images)) };
  }

  onChange(listener: Listener): () => void {
    const stops = this.#drivers.map((driver) => driver.onChange(listener));
    return () => {
      for (const stop of stops) stop();
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#drivers.map((driver) => driver.close()));
  }

  #driverFor({ vmId, machine = "standard" }: MachineSpec): HypervisorDriver {
    const { standard, microvm } = this.#kinds;
    if (machine === "standard") return standard;
    if ("missing" in microvm)
      throw new DriverError("refused", `vm ${vmId} can't be a microVM here: ${microvm.missing}`);
    return microvm;
  }

  #kindOf(driver: HypervisorDriver): string {
    return driver === this.#kinds.standard ? "a standard machine" : "a microVM";
  }

  /** The driver that has the machine; one that nobody has is the standard driver's, who says so. */
  async #of(vmId: string, signal: AbortSignal): Promise<HypervisorDriver> {
    return (await this.#find(vmId, signal)) ?? this.#kinds.standard;
  }

  async #find(vmId: string, signal: AbortSignal): Promise<HypervisorDriver | undefined> {
    const known = this.#known.get(vmId);
    if (known !== undefined || this.#drivers.length === 1) return known;
    for (const driver of this.#drivers)
      for (const id of (await driver.inventory(signal)).machines) this.#known.set(id, driver);
    return this.#known.get(vmId);
  }

  #snapshots(): MachineSnapshots {
    const of = async (vmId: string, signal: AbortSignal) => {
      const driver = await this.#of(vmId, signal);
      return driver.snapshots ?? this.#unable(driver, vmId, "snapshots");
    };
    return {
      take: async (vmId, snapshotId, signal) => (await of(vmId, signal)).take(vmId, snapshotId, signal),
      restore: async (vmId, snapshotId, signal) => (await of(vmId, signal)).restore(vmId, snapshotId, signal),
      // What has none has nothing to remove or to list.
      remove: async (vmId, snapshotId, signal) =>
        (await this.#of(vmId, signal)).snapshots?.remove(vmId, snapshotId, signal),
      list: async (vmId, signal) => (await this.#of(vmId, signal)).snapshots?.list(vmId, signal) ?? [],
    };
  }

  #consoles(): MachineConsoles {
    const of = async (vmId: string, signal: AbortSignal) => {
      const driver = await this.#of(vmId, signal);
      return driver.consoles ?? this.#unable(driver, vmId, "consoles");
    };
    return {
      open: async (vmId, type, signal) => (await of(vmId, signal)).open(vmId, type, signal),
      log: async (vmId, maxBytes, signal) => (await of(vmId, signal)).log(vmId, maxBytes, signal),
    };
  }

  /** One that is on its way to this host is nobody's yet: then the standard driver is asked. */
  #moves(): MachineMoves {
    const able = (driver: HypervisorDriver, vmId: string) => driver.moves ?? this.#unable(driver, vmId, "moves");
    const of = async (vmId: string, signal: AbortSignal) => able(await this.#of(vmId, signal), vmId);
    return {
      offer: async (spec, signal) => able(this.#driverFor(spec), spec.vmId).offer(spec, signal),
      send: async (vmId, offer, signal) => (await of(vmId, signal)).send(vmId, offer, signal),
      state: async (vmId, signal) => (await this.#of(vmId, signal)).moves?.state(vmId, signal),
      settle: async (vmId, signal) => (await of(vmId, signal)).settle(vmId, signal),
      cancel: async (vmId, signal) => (await this.#of(vmId, signal)).moves?.cancel(vmId, signal),
    };
  }

  async #export(vmId: string, source: ExportSource, signal: AbortSignal): Promise<ExportedDisk> {
    const driver = await this.#of(vmId, signal);
    return driver.export?.(vmId, source, signal) ?? this.#unable(driver, vmId, "exports");
  }

  #unable(driver: HypervisorDriver, vmId: string, what: string): never {
    throw new DriverError("refused", `vm ${vmId} is ${this.#kindOf(driver)}, which has no ${what} on this host`);
  }
}
