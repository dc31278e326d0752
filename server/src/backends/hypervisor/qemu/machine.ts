// One machine of this host: its process, its monitor and what became of them.
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DriverError } from "../../driver-error.ts";
import type { MachineSpec, MachineState } from "../driver.ts";
import { assignSlots } from "./command-line.ts";
import { boundLog } from "./console-log.ts";
import { type Definition, type Running, readRunning, writeDefinition, writeRunning } from "./definition.ts";
import { type DiskOrigin, ensureDisk } from "./disks.ts";
import { groupOf, type Host, userOf } from "./host.ts";
import { change } from "./hotplug.ts";
import { clearAway, give, lastWords, launch, monitorMs, monitorOf } from "./launch.ts";
import { diskOf, type MachineFiles, machineFiles } from "./layout.ts";
import { isAlive, kill, type ProcessIdentity } from "./process.ts";
import type { Qmp, QmpEvent } from "./qmp.ts";
import { roomOf } from "./room.ts";
import { SerialLine } from "./serial.ts";
import { finishRestore } from "./snapshots.ts";
import { survey } from "./survey.ts";
import { Trouble } from "./trouble.ts";

/** How often a guest is asked again to shut down, in milliseconds: one that is still booting does not hear it. */
const askAgainMs = 2_000;
/** How long QEMU may take to write out what it holds when the plug is pulled, in milliseconds. */
const quitMs = 3_000;

export class Machine {
  readonly files: MachineFiles;
  /** Its serial console, while somebody looks. */
  readonly serial: SerialLine;
  /** Its snapshots that are being read, and by how many. */
  readonly readers = new Map<string, number>();
  readonly #host: Host;
  #definition: Definition;
  #running: Running | undefined;
  #monitor: Qmp | undefined;
  #trouble: Trouble | undefined;
  #state: MachineState["state"] = "stopped";
  #reason = "";
  #guestAskedToEnd = false;
  #askedAt: number | undefined;
  #plugPulledAt = Number.POSITIVE_INFINITY;
  #detached = false;
  /** Resolves when what follows the process's end is done. */
  #ended: Promise<void> = Promise.resolve();
  #ending = new AbortController();
  readonly #events = new Set<(event: QmpEvent) => void>();
  /** Changes are made one after the other. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(host: Host, definition: Definition) {
    this.#host = host;
    this.#definition = definition;
    this.files = machineFiles(host.folders, definition.spec.vmId);
    this.serial = new SerialLine(this.files.console);
  }

  /** A new machine, stopped. Where it can't be made, nothing of it is left. */
  static async make(host: Host, spec: MachineSpec, signal: AbortSignal): Promise<Machine> {
    const { machineType, cpuModel } = host;
    const slots = Object.fromEntries(assignSlots(spec, new Map()));
    const image = spec.copyOf === undefined && spec.imageId !== undefined ? { imageId: spec.imageId } : {};
    const definition = { spec, slots, machineType, cpuModel, uuid: randomUUID(), room: roomOf(spec), ...image };
    const machine = new Machine(host, definition);
    try {
      await machine.define(spec, signal);
    } catch (error) {
      rmSync(machine.files.folder, { recursive: true, force: true });
      throw error;
    }
    return machine;
  }

  /**
   * A machine that was there before this driver: found again whether it runs or not.
   *
   * @param stray its process, where it is not known but by its arguments: the driver was ended before it wrote it down.
   */
  static async find(host: Host, definition: Definition, stray: ProcessIdentity | undefined): Promise<Machine> {
    const machine = new Machine(host, definition);
    const { spec, room } = definition;
    await machine.#attach(
      readRunning(machine.files) ?? (stray === undefined ? undefined : { process: stray, spec, room }),
    );
    return machine;
  }

  get spec(): MachineSpec {
    return this.#definition.spec;
  }

  /** The image that its root disk stands on. */
  get imageId(): string | undefined {
    return this.#definition.imageId;
  }

  /** What runs, and how to talk to it; undefined: nothing does. */
  get power(): { readonly running: Running; readonly monitor: Qmp } | undefined {
    const [running, monitor] = [this.#running, this.#monitor];
    return running === undefined || monitor === undefined ? undefined : { running, monitor };
  }

  get state(): MachineState {
    if (this.#state === "failed") return { state: "failed", reason: this.#reason };
    if (this.#state !== "running") return { state: this.#state };
    const trouble = this.#trouble?.sentence;
    return { state: "running", needsRestart: this.#needsRestart(), ...(trouble !== undefined && { trouble }) };
  }

  /** @throws DriverError "refused" if a disk should shrink, "missing" without its image. */
  define(spec: MachineSpec, signal: AbortSignal): Promise<void> {
    return this.inTurn(async () => {
      signal.throwIfAborted();
      const slots = assignSlots(spec, new Map(Object.entries(this.#definition.slots)));
      mkdirSync(this.files.folder, { recursive: true, mode: 0o711 });
      const power = this.power;
      if (power === undefined) await this.#makeDisks(spec, signal);
      else await this.#changeRunning(power.running, power.monitor, spec, slots, signal);
      const room = roomOf(spec);
      this.#definition = { ...this.#definition, spec, slots: Object.fromEntries(slots), room };
      writeDefinition(this.files, this.#definition);
      this.#sweepDisks();
    });
  }

  /** Returns at once; what became of it shows in the state. */
  start(): void {
    if (this.#state === "running" || this.#state === "starting" || this.#state === "stopping") return;
    this.#become("starting");
    void this.inTurn(() => this.#launch()).catch((error: unknown) => {
      if (this.#askedAt === undefined) this.#fail(sentenceOf(error));
      else this.#becomeStopped();
    });
  }

  stop(graceMs: number): void {
    if (this.#state === "failed") this.#become("stopped");
    if (this.#state === "stopped") return;
    const now = this.#host.clock.now();
    this.#askedAt ??= now;
    this.#become("stopping");
    if (this.#askedAt + graceMs >= this.#plugPulledAt) return;
    this.#plugPulledAt = this.#askedAt + graceMs;
    this.#ending.abort();
    this.#ending = new AbortController();
    const [left, { signal }] = [this.#plugPulledAt - now, this.#ending];
    void this.inTurn(async () => {}).then(() => (left <= 0 ? this.#pullPlug() : this.#askUntil(left, signal)));
  }

  /** False: it does not run. */
  async reset(): Promise<boolean> {
    if (this.#state !== "running" || this.#monitor === undefined) return false;
    await this.#monitor.execute("system_reset");
    return true;
  }

  /** Ends it and removes all that it had. */
  async remove(signal: AbortSignal): Promise<void> {
    await this.inTurn(async () => {});
    this.#ending.abort();
    const monitor = this.#monitor;
    if (this.#running !== undefined) {
      this.#become("stopping");
      await this.#pullPlug();
      await monitor?.closed;
      await this.#ended;
    }
    signal.throwIfAborted();
    await clearAway(this.#host, this.spec, this.files);
    // The definition goes last: a removal that was cut short is known by it, and done again.
    for (const name of readdirOf(this.files.folder))
      if (join(this.files.folder, name) !== this.files.definition)
        rmSync(join(this.files.folder, name), { recursive: true, force: true });
    rmSync(this.files.folder, { recursive: true, force: true });
  }

  /** Lets go of it; it runs on. */
  detach(): void {
    this.#ending.abort();
    this.#detached = true;
    this.serial.close();
    this.#monitor?.close();
  }

  /** What wants to be done from time to time while it runs: its console's log is bounded, and a guest whose host was full goes on. */
  async tend(): Promise<void> {
    if (this.#state !== "running") return;
    boundLog(this.files.consoleLog);
    await this.#trouble?.mend();
  }

  /** Does something when nothing else is being done with the machine, and it has wholly ended if it is ending. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(() => (this.#monitor === undefined ? this.#ended : undefined)).then(work);
    this.#work = done.catch(() => {});
    return done;
  }

  #needsRestart(): boolean {
    const [now, then] = [this.#definition.spec, this.#running?.spec];
    const shapeOf = (spec: MachineSpec) => ({
      cpu: spec.cpu,
      memoryMib: spec.memoryMib,
      disks: spec.disks.map(({ id, sizeGib }) => [id, sizeGib]).sort(),
      nics: spec.nics.map(({ id, portId, macAddress }) => [id, portId, macAddress]).sort(),
    });
    return then !== undefined && JSON.stringify(shapeOf(now)) !== JSON.stringify(shapeOf(then));
  }

  async #makeDisks(spec: MachineSpec, signal: AbortSignal): Promise<void> {
    const isNew = !existsSync(this.files.definition);
    for (const [i, disk] of spec.disks.entries()) {
      const origin = isNew ? this.#originOf(spec, disk.id, i === 0) : {};
      await ensureDisk(this.files.disk(disk.id), disk, signal, origin);
    }
  }

  #originOf({ vmId, copyOf, imageId }: MachineSpec, diskId: string, isRoot: boolean): DiskOrigin {
    if (copyOf !== undefined) {
      const copy = this.#host.copyOf(copyOf, diskId);
      if (copy === undefined && isRoot)
        throw new DriverError("refused", `snapshot ${copyOf.snapshotId} has no disk ${diskId} to copy for vm ${vmId}`);
      return copy === undefined ? {} : { copyOf: copy };
    }
    if (imageId === undefined || !isRoot) return {};
    const base = this.#host.imageFile(imageId);
    if (base === undefined) throw new DriverError("missing", `vm ${vmId} needs image ${imageId}, which is not there`);
    return { base };
  }

  /** Files of disks that no one names: destroyed ones, and those of a change that was cut short. */
  #sweepDisks(): void {
    const named = new Set([...this.spec.disks, ...(this.#running?.spec.disks ?? [])].map(({ id }) => id));
    for (const name of readdirOf(this.files.folder)) {
      const id = diskOf(name);
      if (name.endsWith(".part") || (id !== undefined && !named.has(id))) rmSync(join(this.files.folder, name));
    }
  }

  async #changeRunning(
    running: Running,
    monitor: Qmp,
    spec: MachineSpec,
    slots: ReadonlyMap<string, number>,
    signal: AbortSignal,
  ): Promise<void> {
    const { taps, cgroups } = this.#host;
    cgroups.limit(groupOf(this.#host, spec.vmId), largerOf(spec, running.spec));
    const bench = {
      ...{ monitor, slots, taps, files: this.files, events: this.#events, room: running.room },
      uid: userOf(this.#host, spec.vmId),
      own: (file: string) => give(this.#host, spec, file),
    };
    let now = running.spec;
    try {
      now = await change(bench, running.spec, spec, signal);
    } catch (error) {
      now = await survey(monitor, running.spec).catch(() => running.spec);
      throw error;
    } finally {
      this.#running = { ...running, spec: now };
      writeRunning(this.files, this.#running);
    }
  }

  async #launch(): Promise<void> {
    if (this.#askedAt !== undefined) return this.#becomeStopped();
    await finishRestore(this.files, this.spec);
    const definition = this.#definition;
    const { process, monitor } = await launch(this.#host, definition, this.files, (event) => this.#onEvent(event));
    this.#running = { process, spec: definition.spec, room: definition.room };
    this.#watch(monitor);
    try {
      writeRunning(this.files, this.#running);
      await monitor.execute("cont");
    } catch (error) {
      await this.#pullPlug();
      await this.#ended;
      throw error;
    }
    if (this.#askedAt === undefined) this.#become("running");
  }

  async #attach(running: Running | undefined): Promise<void> {
    if (running === undefined) {
      // Taps and sockets may be left of a start that was cut short before it had a process.
      if (existsSync(this.files.sockets)) await clearAway(this.#host, this.spec, this.files);
      return;
    }
    this.#running = running;
    if (!isAlive(running.process, this.#definition.uuid))
      return this.#afterEnd("it ended while its host was not watched");
    try {
      const onEvent = (event: QmpEvent) => this.#onEvent(event);
      const monitor = await monitorOf(this.#host, this.files, running.process.pid, onEvent);
      this.#watch(monitor);
      this.#running = { ...running, spec: await survey(monitor, running.spec) };
      writeRunning(this.files, this.#running);
      this.#state = "running";
      await monitor.execute("cont");
    } catch {
      kill(running.process, this.#definition.uuid);
      await this.#ended;
      return this.#afterEnd("its monitor did not answer after the host's agent was restarted");
    }
  }

  #watch(monitor: Qmp): void {
    this.#monitor = monitor;
    this.#guestAskedToEnd = false;
    this.#trouble = new Trouble(monitor, this.files.folder, () => this.#tell());
    this.#ended = monitor.closed.then(() => (this.#detached ? undefined : this.#afterEnd("")));
  }

  #onEvent(event: QmpEvent): void {
    if (event.event === "SHUTDOWN") this.#guestAskedToEnd = true;
    this.#trouble?.hear(event);
    for (const listener of this.#events) listener(event);
  }

  /** The process is gone, or going. Without a word before it died; asked for or by the guest's own will it is stopped. */
  async #afterEnd(reason: string): Promise<void> {
    this.#monitor = undefined;
    this.#trouble = undefined;
    this.#ending.abort();
    const wanted = this.#state === "stopping";
    const running = this.#running;
    if (running === undefined) return;
    await this.#untilGone(running);
    this.#running = undefined;
    writeRunning(this.files, undefined);
    const spec = { ...this.spec, nics: [...this.spec.nics, ...running.spec.nics] };
    await clearAway(this.#host, spec, this.files);
    if (wanted || this.#guestAskedToEnd) this.#becomeStopped();
    else this.#fail(reason || `its process died: ${lastWords(this.files)}`);
  }

  async #untilGone({ process }: Running): Promise<void> {
    const deadline = this.#host.clock.now() + monitorMs;
    while (isAlive(process, this.#definition.uuid)) {
      if (this.#host.clock.now() > deadline) kill(process, this.#definition.uuid);
      await this.#host.clock.sleep(5);
    }
  }

  async #askUntil(graceMs: number, signal: AbortSignal): Promise<void> {
    const deadline = this.#host.clock.now() + graceMs;
    while (!signal.aborted && this.#monitor !== undefined) {
      const left = deadline - this.#host.clock.now();
      if (left <= 0) return this.#pullPlug();
      await this.#monitor.execute("system_powerdown").catch(() => {});
      await this.#host.clock.sleep(Math.min(askAgainMs, left), signal);
    }
  }

  /** QEMU writes out what it holds of its files; it is ended where that takes long. */
  async #pullPlug(): Promise<void> {
    const [running, monitor] = [this.#running, this.#monitor];
    if (running === undefined) return;
    void monitor?.execute("quit").catch(() => {});
    const late = new AbortController();
    await Promise.race([monitor?.closed, this.#host.clock.sleep(quitMs, late.signal)]);
    late.abort();
    kill(running.process, this.#definition.uuid);
  }

  #becomeStopped(): void {
    this.#forgetAsking();
    this.#become("stopped");
  }

  #fail(reason: string): void {
    this.#forgetAsking();
    this.#reason = reason;
    this.#become("failed");
  }

  #forgetAsking(): void {
    this.#askedAt = undefined;
    this.#plugPulledAt = Number.POSITIVE_INFINITY;
  }

  #become(state: MachineState["state"]): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#tell();
  }

  #tell(): void {
    const { vmId, owner } = this.spec;
    this.#host.changed({ vmId, owner });
  }
}

/** The larger of two sizes in everything. */
function largerOf(a: MachineSpec, b: MachineSpec): Pick<MachineSpec, "cpu" | "memoryMib" | "disks"> {
  return {
    cpu: Math.max(a.cpu, b.cpu),
    memoryMib: Math.max(a.memoryMib, b.memoryMib),
    disks: a.disks.length > b.disks.length ? a.disks : b.disks,
  };
}

function readdirOf(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
