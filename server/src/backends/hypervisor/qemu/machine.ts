// One machine of this host: its process, its monitor and what became of them.
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { DriverError } from "../../driver-error.ts";
import type { MachineSpec, MachineState } from "../driver.ts";
import { standsStill } from "../moving/sender.ts";
import { assignSlots } from "./command-line.ts";
import { boundLog } from "./console-log.ts";
import { type Definition, drawUuid, type Running, readRunning, writeDefinition, writeRunning } from "./definition.ts";
import { groupOf, type Host, userOf } from "./host.ts";
import { change } from "./hotplug.ts";
import { clearAway, give, type Incoming, lastWords, launch, monitorMs, monitorOf, plugTaps } from "./launch.ts";
import { type MachineFiles, machineFiles } from "./layout.ts";
import { makeDisks, removeFolder, sweepDisks } from "./machine-disks.ts";
import { StateOf } from "./machine-state.ts";
import { endCopying } from "./move-jobs.ts";
import { type Power, PowerOff } from "./power-off.ts";
import { isAlive, kill, type ProcessIdentity } from "./process.ts";
import type { Qmp, QmpEvent } from "./qmp.ts";
import { roomOf } from "./room.ts";
import { SerialLine } from "./serial.ts";
import { finishRestore } from "./snapshots.ts";
import { survey } from "./survey.ts";
import { Trouble } from "./trouble.ts";

/** What is known of a machine that was there before this driver. */
export interface Found {
  readonly definition: Definition;
  /** Its process, where it is not known but by its arguments: the driver was ended before it wrote it down. */
  readonly stray: ProcessIdentity | undefined;
  /** Whether it was handed over to another host, or has gone on there. */
  readonly departure: "handing" | "gone" | undefined;
}

/** How often what a found process refuses is asked again, in milliseconds. */
const takeUpAgainMs = 200;

export class Machine {
  readonly files: MachineFiles;
  /** Its serial console, while somebody looks. */
  readonly serial: SerialLine;
  /** Its snapshots that are being read, and by how many. */
  readonly readers = new Map<string, number>();
  /** Who hears what its monitor tells. */
  readonly events = new Set<(event: QmpEvent) => void>();
  readonly #host: Host;
  readonly #state: StateOf;
  readonly #off: PowerOff;
  #definition: Definition;
  #running: Running | undefined;
  #monitor: Qmp | undefined;
  #trouble: Trouble | undefined;
  #guestAskedToEnd = false;
  #isHandedOver = false;
  #detached = false;
  /** Resolves when what follows the process's end is done. */
  #ended: Promise<void> = Promise.resolve();
  /** Changes are made one after the other. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(host: Host, definition: Definition) {
    this.#host = host;
    this.#definition = definition;
    this.files = machineFiles(host.folders, definition.spec.vmId);
    this.serial = new SerialLine(this.files.console);
    this.#state = new StateOf(() => this.#tell());
    this.#off = new PowerOff(host.clock, definition.uuid, this.files.agent);
  }

  /** A new machine, stopped. Where it can't be made, nothing of it is left. */
  static async make(host: Host, spec: MachineSpec, signal: AbortSignal): Promise<Machine> {
    const { machineType, cpuModel } = host;
    const slots = Object.fromEntries(assignSlots(spec, new Map()));
    const image = spec.copyOf === undefined && spec.imageId !== undefined ? { imageId: spec.imageId } : {};
    const definition = { spec, slots, machineType, cpuModel, uuid: drawUuid(), room: roomOf(spec), ...image };
    const machine = new Machine(host, definition);
    try {
      await machine.define(spec, signal);
    } catch (error) {
      rmSync(machine.files.folder, { recursive: true, force: true });
      throw error;
    }
    return machine;
  }

  /** A machine that was there before this driver: found again whether it runs or not. */
  static async find(host: Host, { definition, stray, departure }: Found): Promise<Machine> {
    const machine = new Machine(host, definition);
    const { spec, room } = definition;
    const running = readRunning(machine.files) ?? (stray === undefined ? undefined : { process: stray, spec, room });
    if (departure === "gone" && running !== undefined) kill(running.process, definition.uuid);
    machine.#isHandedOver = departure === "handing";
    await machine.#attach(running);
    if (departure === "gone") machine.#state.become("stopped");
    return machine;
  }

  get definition(): Definition {
    return this.#definition;
  }

  get spec(): MachineSpec {
    return this.#definition.spec;
  }

  /** The image that its root disk stands on. */
  get imageId(): string | undefined {
    return this.#definition.imageId;
  }

  /** Undefined: it does not run. */
  get power(): Power | undefined {
    const [running, monitor] = [this.#running, this.#monitor];
    return running === undefined || monitor === undefined ? undefined : { running, monitor };
  }

  get state(): MachineState {
    return this.#state.look(() => ({
      needsRestart: this.#needsRestart(),
      trouble: this.#isHandedOver ? standsStill : this.#trouble?.sentence,
    }));
  }

  /** @throws DriverError "refused" if a disk should shrink, "missing" without its image. */
  define(spec: MachineSpec, signal: AbortSignal): Promise<void> {
    return this.inTurn(async () => {
      signal.throwIfAborted();
      const slots = assignSlots(spec, new Map(Object.entries(this.#definition.slots)));
      mkdirSync(this.files.folder, { recursive: true, mode: 0o711 });
      const { power } = this;
      if (power === undefined) await makeDisks(this.#host, this.files, spec, signal);
      else await this.#changeRunning(power, spec, slots, signal);
      this.#definition = { ...this.#definition, spec, slots: Object.fromEntries(slots), room: roomOf(spec) };
      writeDefinition(this.files, this.#definition);
      sweepDisks(this.files, [...this.spec.disks, ...(this.#running?.spec.disks ?? [])]);
    });
  }

  /** Returns at once; what became of it shows in the state. */
  start(): void {
    if (["running", "starting", "stopping"].includes(this.#state.name)) return;
    this.#state.become("starting");
    void this.inTurn(() => this.#launch()).catch((error: unknown) => {
      if (this.#off.isAsked) this.#becomeStopped();
      else this.#fail(sentenceOf(error));
    });
  }

  stop(graceMs: number): void {
    if (this.#state.name === "failed") this.#state.become("stopped");
    if (this.#state.name === "stopped") return;
    const ask = this.#off.ask(graceMs);
    this.#state.become("stopping");
    if (ask !== undefined) void this.inTurn(async () => {}).then(() => ask(() => this.power));
  }

  /** False: it does not run. */
  async reset(): Promise<boolean> {
    if (this.#state.name !== "running" || this.#monitor === undefined) return false;
    await this.#monitor.execute("system_reset");
    return true;
  }

  /** Ends it and removes all that it had. */
  async remove(signal: AbortSignal): Promise<void> {
    await this.inTurn(async () => {});
    await this.#end();
    signal.throwIfAborted();
    await clearAway(this.#host, this.spec, this.files);
    removeFolder(this.files);
  }

  /** Lets go of it; it runs on. */
  detach(): void {
    this.#off.wait();
    this.#detached = true;
    this.serial.close();
    this.#monitor?.close();
  }

  /** What wants to be done from time to time while it runs: its console's log is bounded, and a guest whose host was full goes on. */
  async tend(): Promise<void> {
    if (this.#state.name !== "running") return;
    boundLog(this.files.consoleLog);
    if (!this.#isHandedOver) await this.#trouble?.mend();
  }

  /** Does something when nothing else is being done with the machine, and it has wholly ended if it is ending. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(() => (this.#monitor === undefined ? this.#ended : undefined)).then(work);
    this.#work = done.catch(() => {});
    return done;
  }

  /** A machine that comes from another host: its process waits for what it was there. */
  async receive({ room, ...incoming }: Incoming & Pick<Running, "room">): Promise<Power> {
    await this.#begin({ ...this.#definition, spec: incoming.spec, room }, incoming);
    const { power } = this;
    if (power === undefined) throw new Error(lastWords(this.files));
    return power;
  }

  /**
   * It has come: it is this host's from here on, and goes on.
   *
   * @param runs whether it ran where it comes from.
   * @throws before that is written alone: its process has died.
   */
  async settleIn(runs: boolean, signal: AbortSignal): Promise<void> {
    if (runs && this.power === undefined)
      throw new DriverError("unavailable", `its process died: ${lastWords(this.files)}`);
    writeRunning(this.files, this.#running);
    writeDefinition(this.files, this.#definition);
    const { power } = this;
    if (power === undefined) return this.#state.become("stopped");
    try {
      await plugTaps(this.#host, power.running.spec, signal);
      await power.monitor.execute("cont");
      this.#state.become("running");
    } catch (error) {
      await this.#off.pullPlug(power);
      await this.#ended;
      this.#fail(sentenceOf(error));
    }
  }

  /** It stands still, and may be another host's; or it is this one's again. */
  handOver(isHandedOver: boolean): void {
    if (this.#isHandedOver === isHandedOver) return;
    this.#isHandedOver = isHandedOver;
    this.#tell();
  }

  /** It goes on elsewhere: ends it here, where its disks remain. */
  async leave(): Promise<void> {
    await this.#end();
    this.#isHandedOver = false;
    this.#becomeStopped();
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

  async #changeRunning(
    { running, monitor }: Power,
    spec: MachineSpec,
    slots: ReadonlyMap<string, number>,
    signal: AbortSignal,
  ): Promise<void> {
    const { taps, cgroups } = this.#host;
    cgroups.limit(groupOf(this.#host, spec.vmId), largerOf(spec, running.spec));
    const bench = {
      ...{ monitor, slots, taps, files: this.files, events: this.events, room: running.room },
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
    if (this.#off.isAsked) return this.#becomeStopped();
    await finishRestore(this.files, this.spec);
    await this.#begin(this.#definition);
    try {
      writeRunning(this.files, this.#running);
      await this.#monitor?.execute("cont");
    } catch (error) {
      await this.#off.pullPlug(this.power);
      await this.#ended;
      throw error;
    }
    if (!this.#off.isAsked) this.#state.become("running");
  }

  async #begin(definition: Definition, incoming?: Incoming): Promise<void> {
    const onEvent = (event: QmpEvent) => this.#onEvent(event);
    const { process, monitor } = await launch(this.#host, definition, this.files, onEvent, incoming);
    this.#running = { process, spec: definition.spec, room: definition.room };
    this.#watch(monitor);
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
      await this.#takeUp(running, monitor);
    } catch {
      kill(running.process, this.#definition.uuid);
      await this.#ended;
      return this.#afterEnd("its monitor did not answer after the host's agent was restarted");
    }
  }

  /** Has a process that was found do what it did. What it refuses now (it is still ending a copy) is asked again: only one that never does is ended. */
  async #takeUp(running: Running, monitor: Qmp): Promise<void> {
    for (const deadline = this.#host.clock.now() + monitorMs; ; ) {
      try {
        this.#running = { ...running, spec: await survey(monitor, running.spec) };
        writeRunning(this.files, this.#running);
        this.#state.become("running");
        if (this.#isHandedOver) return;
        await endCopying(monitor);
        // A port may be gone: the machine runs on.
        await plugTaps(this.#host, this.#running.spec, new AbortController().signal).catch(() => {});
        await monitor.execute("cont");
        return;
      } catch (error) {
        if (this.#host.clock.now() > deadline || this.#monitor === undefined) throw error;
        await this.#host.clock.sleep(takeUpAgainMs);
      }
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
    for (const listener of this.events) listener(event);
  }

  /** The process is gone, or going. Without a word before it died; asked for or by the guest's own will it is stopped. */
  async #afterEnd(reason: string): Promise<void> {
    this.#monitor = undefined;
    this.#trouble = undefined;
    this.#off.wait();
    const wanted = this.#state.name === "stopping";
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

  async #end(): Promise<void> {
    this.#off.wait();
    const [running, monitor] = [this.#running, this.#monitor];
    if (running === undefined) return;
    this.#state.become("stopping");
    await this.#off.pullPlug({ running, monitor });
    await monitor?.closed;
    await this.#ended;
  }

  #becomeStopped(): void {
    this.#off.forget();
    this.#state.become("stopped");
  }

  #fail(reason: string): void {
    this.#off.forget();
    this.#state.fail(reason);
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

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
