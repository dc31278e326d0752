// One machine of this host: its process, its monitor and what became of them.
import { randomUUID } from "node:crypto";
import { chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../../../clock.ts";
import { DriverError } from "../../driver-error.ts";
import type { MachineSpec, MachineState, MachineStatistics } from "../driver.ts";
import type { Accelerator } from "./accelerator.ts";
import { assignSlots, commandLine } from "./command-line.ts";
import {
  type Definition,
  type Running,
  readDefinition,
  readRunning,
  writeDefinition,
  writeRunning,
} from "./definition.ts";
import { ensureDisk } from "./disks.ts";
import { fatDisk } from "./fat.ts";
import { change } from "./hotplug.ts";
import { type HostFolders, type MachineFiles, machineFiles, shortOf } from "./layout.ts";
import { identityOf, isAlive, kill, startProcess } from "./process.ts";
import { Qmp, type QmpEvent } from "./qmp.ts";
import { statisticsOf } from "./statistics.ts";
import { type Taps, tapOf } from "./taps.ts";

/** What all machines of a host share. */
export interface Host {
  readonly folders: HostFolders;
  readonly program: string;
  readonly accelerator: Accelerator;
  readonly machineType: string;
  /** Undefined: machines without NICs alone. */
  readonly taps: Taps | undefined;
  /** Whether each machine gets a user of its own; needs root. */
  readonly ownUsers: boolean;
  readonly clock: Clock;
  imageFile(imageId: string): string | undefined;
  /** Told after each change of a machine's state. */
  changed(machine: { readonly vmId: string; readonly owner: string }): void;
}

/** Users that no one else has: above every range that distributions and containers give out. */
const [firstUid, uids] = [1_500_000_000, 100_000_000];
/** How long QEMU may take from its start to its monitor, in milliseconds; it takes a tenth of a second. */
const monitorMs = 20_000;
/** How often a guest is asked again to shut down, in milliseconds: one that is still booting does not hear it. */
const askAgainMs = 2_000;
/** How much of QEMU's last words is told. */
const lastWords = 300;

export class Machine {
  readonly files: MachineFiles;
  readonly #host: Host;
  #definition: Definition;
  #running: Running | undefined;
  #monitor: Qmp | undefined;
  #state: MachineState["state"] = "stopped";
  #reason = "";
  #guestAskedToEnd = false;
  #askedAt: number | undefined;
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
  }

  /** A new machine, stopped. */
  static async make(host: Host, spec: MachineSpec, signal: AbortSignal): Promise<Machine> {
    const slots = Object.fromEntries(assignSlots(spec, new Map()));
    const machine = new Machine(host, { spec, slots, machineType: host.machineType, uuid: randomUUID() });
    await machine.define(spec, signal);
    return machine;
  }

  /** A machine that was there before this process: found again whether it runs or not. Undefined: its definition is gone. */
  static async find(host: Host, vmId: string): Promise<Machine | undefined> {
    const files = machineFiles(host.folders, vmId);
    const definition = readDefinition(files);
    if (definition === undefined) return undefined;
    const machine = new Machine(host, definition);
    await machine.#attach(readRunning(files));
    return machine;
  }

  get spec(): MachineSpec {
    return this.#definition.spec;
  }

  get state(): MachineState {
    if (this.#state === "failed") return { state: "failed", reason: this.#reason };
    if (this.#state !== "running") return { state: this.#state };
    return { state: "running", needsRestart: this.#needsRestart() };
  }

  /** @throws DriverError "refused" if a disk should shrink, "missing" without its image. */
  define(spec: MachineSpec, signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      signal.throwIfAborted();
      const base = spec.imageId === undefined ? undefined : this.#host.imageFile(spec.imageId);
      if (spec.imageId !== undefined && base === undefined)
        throw new DriverError("missing", `vm ${spec.vmId} needs image ${spec.imageId}, which is not there`);
      const slots = assignSlots(spec, new Map(Object.entries(this.#definition.slots)));
      mkdirSync(this.files.folder, { recursive: true, mode: 0o711 });
      if (this.#monitor === undefined || this.#running === undefined) await this.#makeDisks(spec, base, signal);
      else await this.#changeRunning(this.#running, this.#monitor, spec, slots, signal);
      const gone = this.#definition.spec.disks.filter(({ id }) => !spec.disks.some((disk) => disk.id === id));
      this.#definition = { ...this.#definition, spec, slots: Object.fromEntries(slots) };
      writeDefinition(this.files, this.#definition);
      for (const { id } of gone) rmSync(this.files.disk(id), { force: true });
    });
  }

  /** Returns at once; what became of it shows in the state. */
  start(): void {
    if (this.#state === "running" || this.#state === "starting" || this.#state === "stopping") return;
    this.#become("starting");
    void this.#inTurn(() => this.#launch()).catch((error: unknown) => this.#fail(sentenceOf(error)));
  }

  stop(graceMs: number): void {
    if (this.#state === "failed") this.#become("stopped");
    if (this.#state === "stopped") return;
    const now = this.#host.clock.now();
    this.#askedAt ??= now;
    this.#become("stopping");
    this.#ending.abort();
    this.#ending = new AbortController();
    const left = this.#askedAt + graceMs - now;
    void this.#inTurn(async () => {}).then(() =>
      left <= 0 ? this.#pullPlug() : this.#askUntil(left, this.#ending.signal),
    );
  }

  /** False: it does not run. */
  async reset(): Promise<boolean> {
    if (this.#state !== "running" || this.#monitor === undefined) return false;
    await this.#monitor.execute("system_reset");
    return true;
  }

  /** Undefined: it does not run. */
  async statistics(signal: AbortSignal): Promise<MachineStatistics | undefined> {
    const [monitor, running] = [this.#monitor, this.#running];
    if (monitor === undefined || running === undefined) return undefined;
    const { pid } = running.process;
    return statisticsOf({ spec: running.spec, pid, monitor, namespace: this.#host.taps?.namespace }, signal);
  }

  /** Ends it and removes all that it had. */
  async remove(signal: AbortSignal): Promise<void> {
    await this.#inTurn(async () => {});
    this.#ending.abort();
    const monitor = this.#monitor;
    if (this.#running !== undefined) {
      this.#become("stopping");
      this.#pullPlug();
      await monitor?.closed;
      await this.#ended;
    }
    signal.throwIfAborted();
    await this.#removeTaps();
    rmSync(this.files.folder, { recursive: true, force: true });
    rmSync(dirname(this.files.monitor), { recursive: true, force: true });
  }

  /** Lets go of it; it runs on. */
  detach(): void {
    this.#ending.abort();
    this.#detached = true;
    this.#monitor?.close();
  }
  get #uid(): number | undefined {
    if (!this.#host.ownUsers) return undefined;
    return firstUid + (Number.parseInt(shortOf(this.spec.vmId).slice(0, 8), 16) % uids);
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

  async #makeDisks(spec: MachineSpec, base: string | undefined, signal: AbortSignal): Promise<void> {
    for (const [i, disk] of spec.disks.entries()) {
      const root = i === 0 && base !== undefined ? { base } : {};
      await ensureDisk(this.files.disk(disk.id), { ...disk, ...root }, signal);
    }
  }

  async #changeRunning(
    running: Running,
    monitor: Qmp,
    spec: MachineSpec,
    slots: ReadonlyMap<string, number>,
    signal: AbortSignal,
  ): Promise<void> {
    const own = (file: string) => this.#own(file);
    const bench = {
      monitor,
      files: this.files,
      slots,
      taps: this.#host.taps,
      uid: this.#uid,
      own,
      events: this.#events,
    };
    const now = await change(bench, running.spec, spec, signal);
    this.#running = { ...running, spec: now };
    writeRunning(this.files, this.#running);
  }

  #own(file: string): void {
    const uid = this.#uid;
    if (uid !== undefined) chownSync(file, uid, uid);
  }

  #prepareFiles(spec: MachineSpec): void {
    const { seed, consoleLog, monitor } = this.files;
    const metaData = `instance-id: ${spec.vmId}\nlocal-hostname: ${spec.hostname}\n`;
    writeFileSync(
      seed,
      fatDisk("CIDATA", [
        { name: "meta-data", data: Buffer.from(metaData) },
        { name: "user-data", data: Buffer.from(spec.userData ?? "") },
      ]),
      { mode: 0o600 },
    );
    writeFileSync(consoleLog, "", { flag: "a", mode: 0o600 });
    rmSync(dirname(monitor), { recursive: true, force: true });
    mkdirSync(dirname(monitor), { recursive: true, mode: 0o700 });
    const disks = spec.disks.map(({ id }) => this.files.disk(id));
    for (const file of [seed, consoleLog, dirname(monitor), ...disks]) this.#own(file);
  }

  async #launch(): Promise<void> {
    const { spec, slots, machineType, uuid } = this.#definition;
    const { signal } = new AbortController();
    const { program, accelerator, taps: hostTaps } = this.#host;
    this.#prepareFiles(spec);
    const taps = new Map(spec.nics.map((nic) => [nic.id, tapOf(spec, nic)]));
    for (const nic of spec.nics) await hostTaps?.make(taps.get(nic.id) ?? "", nic, this.#uid, signal);
    const launch = {
      spec,
      files: this.files,
      slots: new Map(Object.entries(slots)),
      accelerator,
      machineType,
      taps,
      uuid,
    };
    const place = { uid: this.#uid, namespace: hostTaps?.namespace };
    writeFileSync(this.files.log, "");
    const pid = await startProcess(program, commandLine(launch), place, this.files.log);
    const monitor = await this.#monitorOf(pid);
    // By now every program on the way to QEMU has become QEMU.
    const identity = identityOf(pid);
    if (identity === undefined) throw new DriverError("refused", this.#lastWords());
    this.#running = { process: identity, spec };
    writeRunning(this.files, this.#running);
    this.#watch(monitor);
    await monitor.execute("cont");
    this.#become("running");
  }

  async #monitorOf(pid: number): Promise<Qmp> {
    const deadline = this.#host.clock.now() + monitorMs;
    for (;;) {
      const monitor = await Qmp.open(this.files.monitor, (event) => this.#onEvent(event)).catch(() => undefined);
      if (monitor !== undefined) return monitor;
      if (identityOf(pid) === undefined || this.#host.clock.now() > deadline)
        throw new DriverError("refused", this.#lastWords());
      await this.#host.clock.sleep(10, new AbortController().signal);
    }
  }

  async #attach(running: Running | undefined): Promise<void> {
    if (running === undefined) return;
    this.#running = running;
    if (!isAlive(running.process, this.#definition.uuid))
      return this.#afterEnd("it ended while its host was not watched");
    const monitor = await Qmp.open(this.files.monitor, (event) => this.#onEvent(event)).catch(() => undefined);
    if (monitor === undefined) {
      kill(running.process, this.#definition.uuid);
      return this.#afterEnd("its monitor did not answer after the host's agent was restarted");
    }
    this.#watch(monitor);
    await monitor.execute("cont");
    this.#state = "running";
  }

  #watch(monitor: Qmp): void {
    this.#monitor = monitor;
    this.#guestAskedToEnd = false;
    this.#ended = monitor.closed.then(() => (this.#detached ? undefined : this.#afterEnd("")));
  }

  #onEvent(event: QmpEvent): void {
    if (event.event === "SHUTDOWN") this.#guestAskedToEnd = true;
    for (const listener of this.#events) listener(event);
  }

  /** The process is gone, or going. Without a word before it died; asked for or by the guest's own will it is stopped. */
  async #afterEnd(reason: string): Promise<void> {
    this.#monitor = undefined;
    this.#ending.abort();
    const wanted = this.#state === "stopping";
    const running = this.#running;
    if (running !== undefined) await this.#untilGone(running);
    this.#running = undefined;
    this.#askedAt = undefined;
    writeRunning(this.files, undefined);
    await this.#removeTaps();
    if (wanted || this.#guestAskedToEnd) this.#become("stopped");
    else this.#fail(reason || `its process died: ${this.#lastWords()}`);
  }

  async #untilGone({ process }: Running): Promise<void> {
    const deadline = this.#host.clock.now() + monitorMs;
    while (isAlive(process, this.#definition.uuid)) {
      if (this.#host.clock.now() > deadline) kill(process, this.#definition.uuid);
      await this.#host.clock.sleep(5, new AbortController().signal);
    }
  }

  async #removeTaps(): Promise<void> {
    const { signal } = new AbortController();
    for (const nic of this.spec.nics) await this.#host.taps?.remove(tapOf(this.spec, nic), signal).catch(() => {});
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

  #pullPlug(): void {
    if (this.#running !== undefined) kill(this.#running.process, this.#definition.uuid);
  }

  #lastWords(): string {
    try {
      const words = readFileSync(this.files.log, "utf8").trim().slice(-lastWords);
      return words === "" ? "QEMU ended without a word" : `QEMU said: ${words}`;
    } catch {
      return "QEMU ended without a word";
    }
  }

  #fail(reason: string): void {
    this.#reason = reason;
    this.#become("failed");
  }

  #become(state: MachineState["state"]): void {
    if (this.#state === state) return;
    this.#state = state;
    const { vmId, owner } = this.spec;
    this.#host.changed({ vmId, owner });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => {});
    return done;
  }
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
