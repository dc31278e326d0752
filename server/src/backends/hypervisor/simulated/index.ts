// A hypervisor in memory. Its guests take their time to start and to shut down, and may ignore being asked; nothing is executed.
// What it holds is gone with its process; the engine ensures everything again at the start (`volatile`).
import { type Clock, systemClock } from "../../../clock.ts";
import { DriverError } from "../../driver-error.ts";
import { Listeners } from "../../listeners.ts";
import type {
  ExportedDisk,
  ExportSource,
  HypervisorDriver,
  ImageSource,
  MachineSpec,
  MachineState,
  MachineStatistics,
} from "../driver.ts";
import type { MoveTransport } from "../move-transport.ts";
import type { Moves } from "../moving/moves.ts";
import { withinProcess } from "../moving/within-process.ts";
import { SimulatedConsoles } from "./consoles.ts";
import { exportSimulated } from "./exports.ts";
import { type Growth, SimulatedMachine } from "./machine.ts";
import { simulatedMoves } from "./moves.ts";
import { SimulatedSnapshots } from "./snapshots.ts";
import type { StandIns } from "./stand-ins.ts";

export interface SimulatedHypervisorOptions {
  readonly clock?: Clock;
  /** From the start to the running guest, in milliseconds. Default 2. */
  readonly bootMs?: number;
  /** From being asked to shut down to being off, in milliseconds; "never": the guest ignores it. Default 1. */
  readonly shutdownMs?: number | "never";
  /** What running machines take over when it grows. Default: neither. */
  readonly growsWhileRunning?: Growth;
  /** Whether it runs microVMs. Default true. */
  readonly microvms?: boolean;
  /** How long copying a machine to another host takes, in milliseconds. Default 2. */
  readonly moveMs?: number;
  /** What carries machines to other hosts. Default: to other drivers of this process. */
  readonly transport?: MoveTransport;
  /** This host's id, for what carries machines. */
  readonly hostId?: string;
  /** Told when a machine's device is plugged into a port or pulled from it: `(id, up) => network.plug(id, up)`. */
  readonly plug?: (portId: string, up: boolean) => void;
  /** On a real network: something that sends and answers packets in the place of running machines. Closed with the driver. */
  readonly standIns?: Pick<StandIns, "want" | "close">;
}

/** Makes a simulated hypervisor. */
export function simulatedHypervisor(options: SimulatedHypervisorOptions = {}): SimulatedHypervisor {
  return new SimulatedHypervisor(options);
}

export class SimulatedHypervisor implements HypervisorDriver {
  readonly name = "simulated";
  readonly volatile = true;
  readonly consoles = new SimulatedConsoles((vmId) => this.#machines.get(vmId)?.state);
  readonly growsWhileRunning: Growth;
  readonly cantRun?: NonNullable<HypervisorDriver["cantRun"]>;
  readonly moves: Moves;
  readonly snapshots = new SimulatedSnapshots(
    (vmId) => this.#machines.get(vmId)?.state,
    (vmId) => this.moves.checkStays(vmId),
  );
  readonly #options: Required<Omit<SimulatedHypervisorOptions, "standIns" | "hostId">>;
  readonly #standIns: SimulatedHypervisorOptions["standIns"];
  readonly #images = new Map<string, ImageSource>();
  readonly #machines = new Map<string, SimulatedMachine>();
  readonly #listeners = new Listeners<{ readonly vmId: string; readonly owner: string }>();

  constructor({ standIns, hostId, ...options }: SimulatedHypervisorOptions) {
    this.#standIns = standIns;
    const growsWhileRunning = { cpu: false, memory: false };
    const defaults = { clock: systemClock, bootMs: 2, shutdownMs: 1, moveMs: 2, microvms: true, growsWhileRunning };
    this.#options = { ...defaults, plug: () => {}, transport: withinProcess, ...options };
    this.moves = this.#movesAs(hostId);
    this.growsWhileRunning = this.#options.growsWhileRunning;
    if (!this.#options.microvms) this.cantRun = { microvm: "this host runs no microVMs" };
  }

  async ensureImage(source: ImageSource, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#images.set(source.imageId, structuredClone(source));
  }

  async removeImage(imageId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const user = [...this.#machines.values()].find((machine) => machine.spec.imageId === imageId);
    if (user !== undefined) throw new DriverError("in_use", `image ${imageId} is still used by vm ${user.spec.vmId}`);
    this.#images.delete(imageId);
  }

  async define(spec: MachineSpec, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.moves.checkStays(spec.vmId);
    this.#checkRuns(spec);
    const machine = this.#machines.get(spec.vmId);
    if (machine !== undefined) return machine.redefine(spec);
    this.snapshots.make(spec);
    this.#machines.set(spec.vmId, this.#make(spec));
  }

  async start(vmId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.moves.checkStays(vmId);
    const machine = this.#machines.get(vmId);
    if (machine === undefined) throw new DriverError("missing", `there is no vm ${vmId} to start`);
    machine.start();
  }

  async stop(vmId: string, { graceMs }: { readonly graceMs: number }, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.moves.end(vmId, "it was stopped");
    this.#machines.get(vmId)?.stop(graceMs);
  }

  async reset(vmId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#machines.get(vmId)?.reset() !== true)
      throw new DriverError("missing", `vm ${vmId} does not run, so that it can't be reset`);
  }

  /** Nothing is executed: the memory is what the machine was promised, and everything else is none. */
  async statistics(vmId: string): Promise<MachineStatistics | undefined> {
    const machine = this.#machines.get(vmId);
    if (machine?.state.state !== "running") return undefined;
    const { memoryMib, disks, nics } = machine.spec;
    const [noDisk, noNic] = [
      { readBytes: 0, writtenBytes: 0, readOperations: 0, writeOperations: 0 },
      { receivedBytes: 0, sentBytes: 0, receivedPackets: 0, sentPackets: 0 },
    ];
    return {
      cpuSeconds: 0,
      memoryBytes: memoryMib * 1024 ** 2,
      disks: disks.map(({ id }) => ({ id, ...noDisk })),
      nics: nics.map(({ id }) => ({ id, ...noNic })),
    };
  }

  async export(vmId: string, source: ExportSource, signal: AbortSignal): Promise<ExportedDisk> {
    this.moves.checkStays(vmId);
    const machine = this.#machines.get(vmId);
    if (machine === undefined) throw new DriverError("missing", `there is no vm ${vmId} to export`);
    return exportSimulated(machine, source, await this.snapshots.list(vmId), signal);
  }

  async state(vmId: string): Promise<MachineState | undefined> {
    return this.#machines.get(vmId)?.state;
  }

  async remove(vmId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.moves.forget(vmId);
    this.#machines.get(vmId)?.stop(0);
    this.#machines.delete(vmId);
    this.consoles.forget(vmId);
    this.snapshots.forget(vmId);
  }

  async inventory(): Promise<{ readonly machines: readonly string[]; readonly images: readonly string[] }> {
    return { machines: [...this.#machines.keys()], images: [...this.#images.keys()] };
  }

  onChange(listener: (machine: { readonly vmId: string; readonly owner: string }) => void): () => void {
    return this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    await this.moves.detach();
    for (const machine of this.#machines.values()) machine.stop(0);
    this.#machines.clear();
    this.#images.clear();
    await this.#standIns?.close();
  }

  /** Lets a machine's guest die by itself, for tests. */
  crash(vmId: string, reason: string): void {
    this.moves.end(vmId, reason);
    this.#machines.get(vmId)?.crash(reason);
  }

  /** Lets a machine's guest shut itself down, for tests. */
  shutDown(vmId: string): void {
    this.moves.end(vmId, "it shut itself down");
    this.#machines.get(vmId)?.end();
  }

  /** All that it holds, in the order of ids, for tests. */
  snapshot(): {
    readonly images: readonly ImageSource[];
    readonly machines: readonly object[];
    readonly snapshots: readonly string[];
  } {
    const machines = [...this.#machines.values()].map(({ spec, state }) => ({ spec, state }));
    const images = [...this.#images.values()].sort((a, b) => (a.imageId < b.imageId ? -1 : 1));
    const sorted = machines.sort((a, b) => (a.spec.vmId < b.spec.vmId ? -1 : 1));
    return structuredClone({ images, machines: sorted, snapshots: this.snapshots.all() });
  }

  #checkRuns({ vmId, imageId, machine }: MachineSpec): void {
    if (imageId !== undefined && !this.#images.has(imageId))
      throw new DriverError("missing", `vm ${vmId} needs image ${imageId}, which is not there`);
    if (machine === "microvm" && !this.#options.microvms)
      throw new DriverError("refused", `this host runs no microVMs; leave out spec.machine of vm ${vmId}`);
  }

  #movesAs(hostId: string | undefined): Moves {
    const { clock, transport, moveMs } = this.#options;
    return simulatedMoves({
      clock,
      transport,
      moveMs,
      hostId,
      snapshots: this.snapshots,
      machineOf: (vmId) => this.#machines.get(vmId),
      checkRuns: (spec) => this.#checkRuns(spec),
      place: (spec) => {
        const machine = this.#make(spec);
        this.#machines.set(spec.vmId, machine);
        return machine;
      },
      remove: (vmId, signal) => this.remove(vmId, signal),
    });
  }

  #make(spec: MachineSpec): SimulatedMachine {
    const { clock, bootMs, shutdownMs, plug, growsWhileRunning } = this.#options;
    const changed = ({ vmId, owner }: MachineSpec, state: MachineState["state"]) => {
      this.consoles.changed(vmId);
      // Whoever starts it knows that it is starting, and looks by himself.
      if (state !== "starting") this.#listeners.tell({ vmId, owner });
    };
    const power = (now: MachineSpec, on: boolean) => this.#standIns?.want(now.vmId, on ? now : undefined);
    return new SimulatedMachine(spec, { clock, bootMs, shutdownMs, plug, growsWhileRunning, power, changed });
  }
}
