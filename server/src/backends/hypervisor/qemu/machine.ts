// One machine of this host: its process, its monitor and what became of them.
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { DriverError } from "../../driver-error.ts";
import type { MachineSpec, MachineState } from "../driver.ts";
import { atMost } from "./at-most.ts";
import { resetGuest } from "./bios.ts";
import { assignSlots } from "./command-line.ts";
import { boundLog } from "./console-log.ts";
import { type Definition, defineBy, drawUuid, type Running, readRunning } from "./definition.ts";
import type { Host } from "./host.ts";
import { keepNew } from "./keeping.ts";
import { clearAway, type Incoming } from "./launch.ts";
import type { MachineFiles } from "./layout.ts";
import { receive, settleIn } from "./machine-arrival.ts";
import { changeRunning } from "./machine-change.ts";
import { makeDisks, removeFolder, sweepDisks } from "./machine-disks.ts";
import { end, stop } from "./machine-end.ts";
import { goOn } from "./machine-going-on.ts";
import { MachineLife } from "./machine-life.ts";
import { start } from "./machine-start.ts";
import { takeUp } from "./machine-take-up.ts";
import { type Connections, takeOff } from "./move-connections.ts";
import { endCopying } from "./move-jobs.ts";
import type { Power } from "./power-off.ts";
import { kill, type ProcessIdentity } from "./process.ts";
import type { QmpEvent } from "./qmp.ts";
import { roomOf } from "./room.ts";
import { SerialLine } from "./serial.ts";

/** What is known of a machine that was there before this driver. */
export interface Found {
  readonly definition: Definition;
  /** Its process, where it is not known but by its arguments: the driver was ended before it wrote it down. */
  readonly stray: ProcessIdentity | undefined;
  /** Whether it was handed over to another host, or has gone on there. */
  readonly departure: "handing" | "gone" | undefined;
}

/** How long a guest is waited for that should go on, in milliseconds. */
const goesOnMs = 20_000;
const notYet = "its process does not answer";

export class Machine {
  /** Its serial console, while somebody looks. */
  readonly serial: SerialLine;
  /** Its snapshots that are being read, and by how many. */
  readonly readers = new Map<string, number>();
  readonly #life: MachineLife;

  constructor(host: Host, definition: Definition) {
    this.#life = new MachineLife(host, definition);
    this.serial = new SerialLine(this.files.console);
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
    machine.#life.isHandedOver = departure === "handing";
    await takeUp(machine.#life, running);
    if (departure === "gone") machine.#life.state.become("stopped");
    return machine;
  }

  get files(): MachineFiles {
    return this.#life.files;
  }

  /** Who hears what its monitor tells. */
  get events(): Set<(event: QmpEvent) => void> {
    return this.#life.events;
  }

  get definition(): Definition {
    return this.#life.definition;
  }

  get spec(): MachineSpec {
    return this.definition.spec;
  }

  /** The image that its root disk stands on. */
  get imageId(): string | undefined {
    return this.definition.imageId;
  }

  /** Undefined: it does not run, or nobody answers for its process. */
  get power(): Power | undefined {
    return this.#life.power;
  }

  get state(): MachineState {
    return this.#life.look();
  }

  /** @throws DriverError "refused" if a disk should shrink, "missing" without its image. */
  define(spec: MachineSpec, signal: AbortSignal): Promise<void> {
    const life = this.#life;
    return life.inTurnNew(async () => {
      this.checkAnswers();
      signal.throwIfAborted();
      // What could not be kept is kept anew.
      await life.kept.catch(() => {});
      const slots = assignSlots(spec, new Map(Object.entries(this.definition.slots)));
      mkdirSync(this.files.folder, { recursive: true, mode: 0o711 });
      const { power, files } = this;
      const definition = { ...this.definition, spec, slots: Object.fromEntries(slots), room: roomOf(spec) };
      const work =
        power === undefined
          ? makeDisks(life.host, files, spec, signal)
          : changeRunning(life, power, spec, slots, signal);
      if (!existsSync(files.definition)) await this.#makeNew(definition, work);
      else if (power === undefined || !isDeepStrictEqual(definition, life.definition))
        await defineBy(files, definition, work);
      else await work;
      life.definition = definition;
      sweepDisks(files, [...spec.disks, ...(life.running?.spec.disks ?? [])]);
    });
  }

  /** Its guest executes nothing before it is on the disk. A copy is there at once: what it was made from may go then. */
  async #makeNew(definition: Definition, work: Promise<void>): Promise<void> {
    await work;
    this.#life.keep(keepNew(this.files, definition));
    if (definition.spec.copyOf !== undefined) await this.kept;
  }

  /** Resolves when it is on the disk. */
  get kept(): Promise<void> {
    return this.#life.kept;
  }

  /** Returns at once; what became of it shows in the state. */
  start(): void {
    start(this.#life);
  }

  stop(graceMs: number): void {
    stop(this.#life, graceMs);
  }

  /** False: it does not run. */
  async reset(): Promise<boolean> {
    const { state, monitor } = this.#life;
    if (state.name !== "running" || monitor === undefined) return false;
    await resetGuest(monitor, this.#life.host.clock);
    return true;
  }

  /** Ends it and removes all that it had. */
  async remove(signal: AbortSignal): Promise<void> {
    await this.#life.inTurnNew(() => this.kept.catch(() => {}));
    await end(this.#life);
    signal.throwIfAborted();
    await clearAway(this.#life.host, this.spec, this.files);
    removeFolder(this.files);
  }

  /** Lets go of it; it runs on. */
  detach(): void {
    this.#life.off.wait();
    this.#life.detached = true;
    this.serial.close();
    this.#life.monitor?.close();
  }

  /** What wants to be done from time to time while it runs: its console's log is bounded, and a guest whose host was full goes on. */
  async tend(): Promise<void> {
    const { state, isHandedOver, trouble } = this.#life;
    if (state.name !== "running") return;
    boundLog(this.files.consoleLog);
    if (!isHandedOver) await trouble?.mend();
  }

  /** Does something when nothing else is being done with the machine, and it has wholly ended if it is ending. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#life.inTurn(async () => {
      this.checkAnswers();
      return work();
    });
  }

  /** @throws DriverError "unavailable" while its process does not answer, or does not let its guest go on. */
  checkAnswers(): void {
    if (!this.#life.isHeldUp) return;
    const trouble = this.state.state === "running" ? this.state.trouble : undefined;
    throw new DriverError("unavailable", `vm ${this.spec.vmId} can't be changed now: ${trouble ?? notYet}`);
  }

  /** A machine that comes from another host: its process waits for what it was there. */
  receive(incoming: Incoming & Pick<Running, "room">): Promise<Power> {
    return receive(this.#life, incoming);
  }

  /** It has come: it goes on here. @param connections undefined: it did not run. @throws before that is written down alone. */
  settleIn(connections: Connections | undefined): Promise<void> {
    return settleIn(this.#life, connections);
  }

  /** What was begun to move it is ended, and its guest goes on here. */
  async goOn(): Promise<void> {
    const { power, host } = this.#life;
    if (power === undefined) return;
    const { monitor } = power;
    await atMost(
      host.clock,
      goesOnMs,
      goOn(this.#life, monitor, () => endCopying(monitor)),
    );
  }

  /** Its guest stands still until `goOn`, or until it has left. */
  async standStill(why: string): Promise<void> {
    const { power } = this.#life;
    if (power === undefined) return;
    this.#life.tellTrouble(why);
    await power.monitor.execute("stop");
  }

  /** Frees its ports for another host. Answers what went on over them, which goes on with the machine here as well. */
  async takeOff(signal: AbortSignal): Promise<Connections> {
    const { host, running } = this.#life;
    if (running !== undefined) this.#life.connections = await takeOff(host, running.spec, signal);
    return this.#life.connections;
  }

  /** What went on over its ports when another driver's process took them off. */
  hadConnections(connections: Connections): void {
    this.#life.connections = connections;
  }

  /** It stands still, and may be another host's; or it is this one's again. */
  handOver(isHandedOver: boolean): void {
    if (this.#life.isHandedOver === isHandedOver) return;
    this.#life.isHandedOver = isHandedOver;
    this.#life.tell();
  }

  /** It goes on elsewhere: ends it here, where its disks remain. */
  async leave(): Promise<void> {
    await end(this.#life);
    this.#life.isHandedOver = false;
    this.#life.becomeStopped();
  }
}
