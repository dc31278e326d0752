// Drives QEMU on this host. Machines are processes of their own that outlive us; what they should be is kept in files, so that a restarted driver
// finds them as they are and loses nothing.
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Clock, systemClock } from "../../../clock.ts";
import { DriverError } from "../../driver-error.ts";
import { bareEnv } from "../../linux/command.ts";
import { isExecutable } from "../../linux/executable.ts";
import { Starter } from "../../linux/starter.ts";
import type { HostNetwork } from "../../network/host-network.ts";
import type { ExportedDisk, ExportSource, HypervisorDriver, MachineSpec, MachineStatistics } from "../driver.ts";
import type { MoveTransport } from "../move-transport.ts";
import { type Accelerator, pickAccelerator } from "./accelerator.ts";
import { Cgroups } from "./cgroups.ts";
import { ownWord } from "./command-line.ts";
import { consolesOf } from "./consoles.ts";
import { isWrittenDown, readDefinition } from "./definition.ts";
import type { DiskFile } from "./exports.ts";
import { thawLeft } from "./frozen.ts";
import type { Host } from "./host.ts";
import { checkHasNetwork, HostHypervisor, type HostImages } from "./host-hypervisor.ts";
import { keepFound } from "./keeping.ts";
import { type MachineFiles, machineFiles, machinesFolder } from "./layout.ts";
import { Machine } from "./machine.ts";
import { readArrival, readDeparture } from "./move-records.ts";
import { usualRounds } from "./move-running.ts";
import { type QemuMoves, qemuMoves, sweepArrival } from "./moves.ts";
import { kill, type ProcessIdentity, processesWith } from "./process.ts";
import { diskFull, isFull, run } from "./programs.ts";
import { disksOf, reading, snapshotsOf, whileStill } from "./snapshots.ts";
import { statisticsOf } from "./statistics.ts";
import { Taps } from "./taps.ts";

export interface QemuOptions extends HostImages {
  /** Joins machines to ports; undefined: machines with NICs are refused. */
  readonly network?: HostNetwork;
  /** Default: KVM where a probe says that it runs ordinary guests, else TCG. */
  readonly accelerator?: Accelerator;
  readonly clock?: Clock;
  /** QEMU's name of the processor that new machines get. Default "max": all that this host can do. */
  readonly cpuModel?: string;
  /** After how many rounds of sending what a guest has written meanwhile its move is given up. Default 60. */
  readonly mostRounds?: number;
  /** Whether a guest runs on while its memory is copied. Default: with KVM alone. An emulated guest that does may lose what it writes meanwhile. */
  readonly copiesLive?: boolean;
  /** Carries machines to other hosts; undefined: they stay. */
  readonly transport?: MoveTransport;
  /** This host's id, for what carries machines. */
  readonly hostId?: string;
}

/** How often running machines are looked after, in milliseconds: what a guest writes to its console in this time is kept. */
const tendMs = 1_000;
const program = "qemu-system-x86_64";
const tun = "/dev/net/tun";

/** Finds the machines that are there and drives them. @throws DriverError "unavailable" without QEMU. */
export async function openQemu(options: QemuOptions): Promise<QemuHypervisor> {
  const { signal } = new AbortController();
  const machineType = await newestMachineType(signal);
  const accelerator = options.accelerator ?? (await pickAccelerator(program));
  mkdirSync(machinesFolder(options.folders), { recursive: true, mode: 0o711 });
  mkdirSync(options.folders.run, { recursive: true, mode: 0o711 });
  letUsersOpenTaps();
  if (isRoot()) for (const folder of Object.values(options.folders)) checkEntrance(folder);
  const driver = new QemuHypervisor(options, accelerator, machineType);
  await driver.findMachines();
  return driver;
}

/** "pc-q35-7.2": what the alias "q35" stands for today. */
async function newestMachineType(signal: AbortSignal): Promise<string> {
  const help = await run(program, ["-machine", "help"], signal).catch((cause: unknown) => {
    throw new DriverError("unavailable", `${program} is not installed`, { cause });
  });
  const type = /^q35\s.*\(alias of (\S+)\)/m.exec(help)?.[1];
  if (type === undefined) throw new DriverError("unavailable", `${program} has no machine type q35`);
  return type;
}

/** Every distribution lets users open it (its own permissions are the tap's owner's); some bare systems don't. */
function letUsersOpenTaps(): void {
  if (!isRoot() || !existsSync(tun)) return;
  if ((statSync(tun).mode & 0o666) !== 0o666) chmodSync(tun, 0o666);
}

/** Each machine has a user of its own, who must be able to reach its files. */
function checkEntrance(folder: string): void {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0)
      throw new DriverError(
        "unavailable",
        `machines can't reach ${folder}: run chmod o+x ${at}, or choose another folder`,
      );
    if (at === dirname(at)) return;
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

export class QemuHypervisor extends HostHypervisor<Machine> implements HypervisorDriver {
  readonly name = "qemu";
  readonly volatile = false;
  readonly growsWhileRunning = { cpu: true, memory: true };
  readonly accelerator: Accelerator;
  readonly cantRun = { microvm: "QEMU runs standard machines alone here" } as const;
  readonly #options: QemuOptions;
  readonly #host: Host;
  readonly #closed = new AbortController();
  readonly moves?: QemuMoves;
  readonly snapshots = snapshotsOf(
    (vmId) => this.machines.get(vmId),
    (vmId) => this.moves?.checkStays(vmId),
  );
  readonly consoles = consolesOf((vmId) => this.machines.get(vmId));

  constructor(options: QemuOptions, accelerator: Accelerator, machineType: string) {
    super(options);
    this.#options = options;
    this.accelerator = accelerator;
    const { folders, network, clock = systemClock, cpuModel = "max", mostRounds = usualRounds } = options;
    const { copiesLive = accelerator.name === "kvm" } = options;
    this.#host = {
      folders,
      program,
      accelerator,
      machineType,
      cpuModel,
      clock,
      ownUsers: isRoot(),
      mostRounds,
      copiesLive,
      cgroups: Cgroups.open(undefined, clock),
      starter: new Starter(bareEnv(), network?.namespace),
      taps: network && new Taps(network),
      imageFile: (imageId) => this.images.file(imageId),
      copyOf: ({ vmId, snapshotId }, diskId) => this.#copyOf(vmId, snapshotId, diskId),
      changed: (machine) => this.changed(machine),
    };
    if (options.transport !== undefined) this.moves = this.#movesBy(options.transport);
  }

  /** Folders without a definition are what is left of a machine that was never whole, has not come, or is removed. */
  async findMachines(): Promise<void> {
    const { folders } = this.#options;
    const all = readdirSync(machinesFolder(folders)).map((vmId) => machineFiles(folders, vmId));
    const processes = processesWith(new Set(all.map(ownWord)));
    for (const files of all) await this.#find(files, processes.get(ownWord(files)));
    for (const { files, power } of this.machines.values()) if (power !== undefined) void thawLeft(files);
    void this.#tend();
  }

  async define(spec: MachineSpec, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.moves?.checkStays(spec.vmId);
    this.#checkRuns(spec);
    try {
      await this.#define(spec, signal);
    } catch (error) {
      throw isFull(error) ? diskFull(error) : error;
    }
  }

  override async start(vmId: string, signal: AbortSignal): Promise<void> {
    this.moves?.checkStays(vmId);
    await super.start(vmId, signal);
  }

  override async stop(vmId: string, options: { readonly graceMs: number }, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.moves?.end(vmId, "it was stopped");
    await super.stop(vmId, options, signal);
  }

  async statistics(vmId: string, signal: AbortSignal): Promise<MachineStatistics | undefined> {
    const machine = this.machines.get(vmId);
    const power = machine?.power;
    if (machine === undefined || power === undefined) return undefined;
    const { monitor, running } = power;
    const { namespace } = this.#options.network ?? {};
    const measured = { spec: running.spec, pid: running.process.pid, monitor, namespace, agent: machine.files.agent };
    return statisticsOf(measured, signal).catch((error: unknown) => {
      if (machine.power === undefined) return undefined;
      throw error;
    });
  }

  override async export(vmId: string, source: ExportSource, signal: AbortSignal): Promise<ExportedDisk> {
    this.moves?.checkStays(vmId);
    return super.export(vmId, source, signal);
  }

  override async remove(vmId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.moves?.forget(vmId);
    await super.remove(vmId, signal);
  }

  override async close(): Promise<void> {
    this.#closed.abort();
    await this.moves?.detach();
    await Promise.allSettled([...this.machines.values()].map(({ kept }) => kept));
    await super.close();
    this.#host.starter.close();
  }

  protected override diskOf(machine: Machine, { diskId, snapshotId }: ExportSource): DiskFile {
    const { spec, files } = machine;
    const held = snapshotId === undefined ? spec.disks.map(({ id }) => id) : disksOf(machine, snapshotId);
    if (!held.includes(diskId)) throw new DriverError("missing", `vm ${spec.vmId} has no disk ${diskId} to export`);
    return { vmId: spec.vmId, file: files.disk(diskId), format: "qcow2", snapshotId };
  }

  protected override whileStill<T>(machine: Machine, { snapshotId }: DiskFile, work: () => Promise<T>): Promise<T> {
    return whileStill(machine, snapshotId, work);
  }

  async #find(files: MachineFiles, stray: ProcessIdentity | undefined): Promise<void> {
    const [arrival, departure] = [readArrival(files), readDeparture(files)];
    const isLoading = arrival === undefined && stray !== undefined;
    const definition = readDefinition(files) ?? (isLoading ? await keepFound(files) : undefined);
    if (definition === undefined) {
      if (arrival !== undefined) await sweepArrival(this.#host, files, arrival, stray);
      else if (stray !== undefined) kill(stray);
      return rmSync(files.folder, { recursive: true, force: true });
    }
    // Before it is written down it waits for what it opens, which nobody makes any more: it is started anew.
    const adopted = isLoading && !isWrittenDown(files) ? undefined : stray;
    if (stray !== undefined && adopted === undefined) kill(stray);
    const machine = await Machine.find(this.#host, { definition, stray: adopted, departure: departure?.phase });
    this.machines.set(machine.spec.vmId, machine);
    if (departure !== undefined) this.moves?.adoptDeparture(machine, departure);
    if (arrival !== undefined) await this.moves?.adoptArrival(machine, arrival);
  }

  #movesBy(transport: MoveTransport): QemuMoves {
    return qemuMoves({
      host: this.#host,
      transport,
      hostId: this.#options.hostId,
      machines: this.machines,
      checkRuns: (spec) => this.#checkRuns(spec),
      remove: (vmId, signal) => this.remove(vmId, signal),
    });
  }

  #checkRuns(spec: MachineSpec): void {
    const { vmId, architecture, machine } = spec;
    if (architecture !== "x86_64")
      throw new DriverError("refused", `this host runs x86_64 machines; vm ${vmId} is ${architecture}`);
    if (machine === "microvm")
      throw new DriverError("refused", `vm ${vmId} can't be a microVM: ${this.cantRun.microvm}`);
    checkHasNetwork(spec, this.#options.network);
  }

  async #define(spec: MachineSpec, signal: AbortSignal): Promise<void> {
    const machine = this.machines.get(spec.vmId);
    if (machine !== undefined) return machine.define(spec, signal);
    const make = () => Machine.make(this.#host, spec, signal);
    const { copyOf } = spec;
    const source = copyOf === undefined ? undefined : this.machines.get(copyOf.vmId);
    const made = await (copyOf === undefined || source === undefined
      ? make()
      : reading(source, copyOf.snapshotId, make));
    this.machines.set(spec.vmId, made);
  }

  #copyOf(vmId: string, snapshotId: string, diskId: string) {
    const machine = this.machines.get(vmId);
    if (machine === undefined)
      throw new DriverError("missing", `there is no vm ${vmId} whose snapshot could be copied`);
    return disksOf(machine, snapshotId).includes(diskId) ? { file: machine.files.disk(diskId), snapshotId } : undefined;
  }

  async #tend(): Promise<void> {
    const { clock = systemClock } = this.#options;
    const { signal } = this.#closed;
    while (!signal.aborted) {
      // A machine that goes while it is looked after takes its files along.
      for (const machine of this.machines.values()) await machine.tend().catch(() => {});
      await clock.sleep(tendMs, signal);
    }
  }
}

/** Why QEMU can't be driven here; undefined: it can. */
export function qemuMissing(): string | undefined {
  const programs = [program, "qemu-img", "setpriv", "nsenter", "ip"];
  const missing = programs.filter(
    (one) => !["/usr/bin", "/usr/sbin", "/bin", "/sbin"].some((dir) => isExecutable(`${dir}/${one}`)),
  );
  return missing.length === 0 ? undefined : `not installed: ${missing.join(", ")}`;
}
