// One machine of this host: what it should be, the process that it is while it runs, and what became of that.
import { mkdirSync, rmSync } from "node:fs";
import type { Duplex } from "node:stream";
import { DriverError } from "../../driver-error.ts";
import type { MachineSpec, MachineState, MachineStatistics } from "../driver.ts";
import { readLog } from "../qemu/console-log.ts";
import { tapOf } from "../qemu/taps.ts";
import { openConsole } from "./console.ts";
import { ensureRawDisk } from "./disks.ts";
import type { Host } from "./host.ts";
import { type MicrovmFiles, microvmFiles } from "./layout.ts";
import { type End, Microvm } from "./microvm.ts";
import { needsRestart, plugAgain } from "./pending.ts";
import { type Definition, type Running, readRecord, writeRecord } from "./records.ts";
import { refuseImpossible } from "./refuse.ts";

/** How often a guest is asked again to shut down, in milliseconds: one that is still booting does not hear it. */
const askAgainMs = 2_000;

export class Machine {
  readonly #host: Host;
  readonly #files: MicrovmFiles;
  #spec: MachineSpec;
  #microvm: Microvm | undefined;
  #state: MachineState["state"] = "stopped";
  #reason = "";
  /** When it was first asked to stop, and when its plug is pulled; in the clock's milliseconds. */
  #askedAt: number | undefined;
  #pullAt = Number.POSITIVE_INFINITY;
  /** Resolves when what follows the process's end is done. */
  #ended: Promise<void> = Promise.resolve();
  #asking = new AbortController();
  /** Changes are made one after the other. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(host: Host, spec: MachineSpec) {
    this.#host = host;
    this.#spec = spec;
    this.#files = microvmFiles(host.folders, spec.vmId);
  }

  /** A new machine, stopped. */
  static async make(host: Host, spec: MachineSpec, signal: AbortSignal): Promise<Machine> {
    const machine = new Machine(host, spec);
    await machine.define(spec, signal);
    return machine;
  }

  /** A machine that was there before this process: found again whether it runs or not. Undefined: its definition is gone. */
  static async find(host: Host, vmId: string): Promise<Machine | undefined> {
    const files = microvmFiles(host.folders, vmId);
    const definition = readRecord<Definition>(files.definition);
    if (definition === undefined) return undefined;
    const machine = new Machine(host, definition.spec);
    await machine.#attach(readRecord<Running>(files.running));
    return machine;
  }

  get spec(): MachineSpec {
    return this.#spec;
  }

  get imageId(): string | undefined {
    return this.#spec.imageId;
  }

  get state(): MachineState {
    if (this.#state === "failed") return { state: "failed", reason: this.#reason };
    if (this.#state !== "running") return { state: this.#state };
    const running = this.#microvm?.running;
    return { state: "running", needsRestart: running !== undefined && needsRestart(this.#spec, running) };
  }

  /** @throws DriverError "refused" for what no microVM can be and if a disk should shrink, "missing" without its image. */
  define(spec: MachineSpec, signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      signal.throwIfAborted();
      refuseImpossible(spec);
      const base = spec.imageId === undefined ? undefined : this.#host.imageFile(spec.imageId);
      if (spec.imageId !== undefined && base === undefined)
        throw new DriverError("missing", `vm ${spec.vmId} needs image ${spec.imageId}, which is not there`);
      mkdirSync(this.#files.folder, { recursive: true, mode: 0o711 });
      await this.#makeDisks(spec, base, signal);
      if (this.#microvm !== undefined) await plugAgain(this.#host, spec, this.#microvm.running.spec, signal);
      const gone = this.#spec.disks.filter(({ id }) => !spec.disks.some((disk) => disk.id === id));
      this.#spec = spec;
      writeRecord(this.#files.definition, { spec });
      for (const { id } of gone) this.#removeDisk(id);
    });
  }

  /** Returns at once; what became of it shows in the state. */
  start(): void {
    if (this.#state === "running" || this.#state === "starting" || this.#state === "stopping") return;
    this.#become("starting");
    this.#launch();
  }

  stop(graceMs: number): void {
    if (this.#state === "failed") this.#become("stopped");
    if (this.#state === "stopped") return;
    this.#askedAt ??= this.#host.clock.now();
    const pullAt = this.#askedAt + graceMs;
    if (this.#state === "stopping" && pullAt >= this.#pullAt) return;
    this.#pullAt = pullAt;
    this.#become("stopping");
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    void this.#inTurn(async () => {}).then(() => this.#askUntil(pullAt, signal));
  }

  /** Its process ends and another one starts, with all that waited for a restart. False: it does not run. */
  reset(): boolean {
    if (this.#state !== "running" || this.#microvm === undefined) return false;
    this.#become("starting");
    this.#microvm.kill();
    return true;
  }

  /** @throws DriverError "missing" */
  fileOf(diskId: string): string {
    if (this.#spec.disks.some(({ id }) => id === diskId)) return this.#files.disk(diskId);
    throw new DriverError("missing", `vm ${this.#spec.vmId} has no disk ${diskId} to export`);
  }

  /** Undefined: it does not run. */
  async statistics(signal: AbortSignal): Promise<MachineStatistics | undefined> {
    return this.#state === "running" ? this.#microvm?.statistics(signal) : undefined;
  }

  /** Undefined: it does not run. */
  openConsole(): Duplex | undefined {
    return this.#microvm === undefined ? undefined : openConsole(this.#files, this.#microvm.ended);
  }

  consoleLog(maxBytes: number): Uint8Array {
    return readLog(this.#files.consoleLog, maxBytes);
  }

  /** Does something with a disk's file when nothing else is being done with the machine. @throws DriverError "refused" while it runs */
  whileOff<T>(work: () => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      if (this.#microvm !== undefined)
        throw new DriverError("refused", `vm ${this.#spec.vmId} runs: stop it, so that its disk can be read`);
      return work();
    });
  }

  /** Ends it and removes all that it had. */
  async remove(signal: AbortSignal): Promise<void> {
    await this.#inTurn(async () => {});
    this.#asking.abort();
    if (this.#microvm !== undefined) {
      this.#become("stopping");
      this.#microvm.kill();
      await this.#ended;
    }
    signal.throwIfAborted();
    await this.#removeTaps(this.#spec);
    for (const folder of [this.#files.folder, this.#files.socketFolder])
      rmSync(folder, { recursive: true, force: true });
  }

  /** Lets go of it; it runs on. */
  detach(): void {
    this.#asking.abort();
    this.#microvm?.letGo();
  }

  async #makeDisks(spec: MachineSpec, base: string | undefined, signal: AbortSignal): Promise<void> {
    const running = this.#microvm?.running;
    for (const [i, disk] of spec.disks.entries()) {
      await ensureRawDisk(this.#files.disk(disk.id), { ...disk, base: i === 0 ? base : undefined }, signal);
      const attached = running?.lost.includes(disk.id)
        ? undefined
        : running?.spec.disks.find(({ id }) => id === disk.id);
      if (attached !== undefined && attached.sizeGib < disk.sizeGib)
        await this.#microvm?.diskGrew(disk.id, disk.sizeGib);
    }
  }

  #removeDisk(id: string): void {
    this.#microvm?.diskLost(id);
    rmSync(this.#files.disk(id), { force: true });
  }

  #launch(): void {
    const spec = this.#spec;
    void this.#inTurn(async () => {
      if (this.#state !== "starting") return this.#become("stopped");
      this.#watch(await Microvm.launch(this.#host, this.#spec));
      if (this.#state === "starting") this.#become("running");
    }).catch(async (error: unknown) => {
      await this.#removeTaps(spec);
      this.#fail(error instanceof Error ? error.message : String(error));
    });
  }

  async #attach(running: Running | undefined): Promise<void> {
    if (running === undefined) return;
    const found = await Microvm.attach(this.#host, running);
    if (found instanceof Microvm) {
      this.#watch(found);
      this.#state = "running";
      return;
    }
    await this.#removeTaps(running.spec);
    if (found === "unready") this.start();
    else this.#fail("it ended while its host was not watched");
  }

  #watch(microvm: Microvm): void {
    this.#microvm = microvm;
    this.#ended = microvm.ended.then((end) => this.#afterEnd(microvm, end));
  }

  /** Its guest's will or ours: it is stopped. In the midst of a reset: it starts. */
  async #afterEnd(microvm: Microvm, { orderly, words }: End): Promise<void> {
    this.#microvm = undefined;
    this.#asking.abort();
    this.#askedAt = undefined;
    this.#pullAt = Number.POSITIVE_INFINITY;
    writeRecord(this.#files.running, undefined);
    await this.#removeTaps(microvm.running.spec);
    if (this.#state === "starting") this.#launch();
    else if (this.#state === "stopping" || orderly) this.#become("stopped");
    else this.#fail(`its process died: ${words}`);
  }

  async #askUntil(pullAt: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#microvm !== undefined) {
      const left = pullAt - this.#host.clock.now();
      if (left <= 0) return this.#microvm.kill();
      await this.#microvm.askToEnd().catch(() => {});
      await this.#host.clock.sleep(Math.min(askAgainMs, left), signal);
    }
  }

  async #removeTaps(spec: MachineSpec): Promise<void> {
    const { signal } = new AbortController();
    for (const nic of spec.nics) await this.#host.network?.taps.remove(tapOf(spec, nic), signal).catch(() => {});
  }

  /** Paths of the host are no one's business. */
  #fail(reason: string): void {
    this.#reason = [this.#files.folder, this.#files.socketFolder].reduce(
      (words, folder) => words.replaceAll(`${folder}/`, ""),
      reason,
    );
    this.#become("failed");
  }

  #become(state: MachineState["state"]): void {
    if (this.#state === state) return;
    this.#state = state;
    const { vmId, owner } = this.#spec;
    this.#host.changed({ vmId, owner });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => {});
    return done;
  }
}
