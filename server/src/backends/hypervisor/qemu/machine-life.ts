// What is known of one machine while a driver looks after it: its definition, its process and monitor, and how it is seen. What is done with it
// stands in files of its own: machine-start.ts, machine-end.ts, machine-take-up.ts, machine-change.ts, machine-arrival.ts.
import type { MachineSpec, MachineState } from "../driver.ts";
import { standsStill } from "../moving/sender.ts";
import { atMost } from "./at-most.ts";
import type { Definition, Running } from "./definition.ts";
import type { Host } from "./host.ts";
import { type MachineFiles, machineFiles } from "./layout.ts";
import { needsRestart } from "./machine-change.ts";
import { StateOf } from "./machine-state.ts";
import type { Connections } from "./move-connections.ts";
import { type Ending, type Power, PowerOff } from "./power-off.ts";
import type { Qmp, QmpEvent } from "./qmp.ts";
import { Trouble } from "./trouble.ts";

/** How long what is to be done with a machine waits until it goes on, in milliseconds: ending a copy, or a process, takes some tenths of a second. */
const holdMs = 20_000;

export class MachineLife {
  readonly host: Host;
  readonly files: MachineFiles;
  readonly state: StateOf;
  readonly off: PowerOff;
  /** Who hears what its monitor tells. */
  readonly events = new Set<(event: QmpEvent) => void>();
  definition: Definition;
  /** Undefined: it has no process. */
  running: Running | undefined;
  /** Resolves when it is on the disk, so that its guest may execute by it. */
  kept: Promise<void> = Promise.resolve();
  /** What its process was started as, or brought to last. Undefined: it may be anything between two definitions. */
  isSo: MachineSpec | undefined;
  /** Why we end its process, which could not be started as it should be: a sentence for its owner. */
  endsFor: string | undefined;
  /** Whether this driver has let go of it: its process runs on. */
  detached = false;
  /** Whether another host may have it. */
  isHandedOver = false;
  /** What went on over its ports when they were taken off, until they are plugged again. */
  connections: Connections = new Map();
  /** Resolves when what follows the process's end is done. */
  ended: Promise<void> = Promise.resolve();
  #monitor: Qmp | undefined;
  #trouble: Trouble | undefined;
  /** Why its guest does not get on, as far as it is not its host's disk. */
  #why: string | undefined;
  #guestAskedToEnd = false;
  /** Undefined: its process answers, and its guest goes on as it is told. */
  #hold: { readonly since: number; readonly over: PromiseWithResolvers<void> } | undefined;
  /** Changes are made one after the other. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(host: Host, definition: Definition) {
    this.host = host;
    this.definition = definition;
    this.files = machineFiles(host.folders, definition.spec.vmId);
    this.state = new StateOf(() => this.tell());
    this.off = new PowerOff(host.clock, definition.uuid, this.files.agent);
  }

  /** Undefined: nobody answers for its process. */
  get monitor(): Qmp | undefined {
    return this.#monitor;
  }

  /** What `tellTrouble` told last. */
  get why(): string | undefined {
    return this.#why;
  }

  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  /** Whether its guest ended it: then it has not died. */
  get guestAskedToEnd(): boolean {
    return this.#guestAskedToEnd;
  }

  /** Undefined: it does not run, or nobody answers for its process. */
  get power(): Power | undefined {
    const { running, monitor } = this;
    return running === undefined || monitor === undefined ? undefined : { running, monitor };
  }

  /** Its process, whether somebody answers for it or not. Undefined: it has none. */
  get process(): Ending | undefined {
    const { running, monitor } = this;
    return running === undefined ? undefined : { running, monitor };
  }

  /** Whether its process does not answer, or does not let its guest go on. */
  get isHeldUp(): boolean {
    return this.running !== undefined && this.#hold !== undefined;
  }

  look(): MachineState {
    return this.state.look(() => ({
      needsRestart: needsRestart(this.definition.spec, this.running?.spec),
      trouble: this.isHandedOver ? standsStill : (this.#why ?? this.#trouble?.sentence),
    }));
  }

  /** As `inTurnNew`, when the machine is on the disk, too. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.inTurnNew(() => this.kept.then(work));
  }

  /** Does something when nothing else is being done with the machine, it has wholly ended if it is ending, and goes on if that was to be soon. */
  inTurnNew<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(() => this.untilClear()).then(work);
    this.#work = done.catch(() => {});
    return done;
  }

  /** Until it goes on or has ended; but not for long. */
  async untilClear(): Promise<void> {
    if (this.#hold === undefined) return;
    const { since, over } = this.#hold;
    await atMost(this.host.clock, since + holdMs - this.host.clock.now(), this.ended, over.promise);
  }

  /** @param work has the machine on the disk. Who waits for it hears of its failure. */
  keep(work: Promise<void>): void {
    this.kept = work;
    work.catch(() => {});
  }

  /** What was heard before is of a process that has ended. */
  beginsAnew(): void {
    this.#guestAskedToEnd = false;
  }

  /** A process answers for the machine from here on. */
  answersBy(monitor: Qmp): void {
    this.#monitor = monitor;
    this.#trouble = new Trouble(monitor, this.files.folder, () => this.tell());
  }

  /** Nobody answers for its process, which may have ended. */
  isSilent(): void {
    this.#monitor = undefined;
    this.#trouble = undefined;
    this.holdUp();
  }

  /** What is to be done with it waits until it goes on. */
  holdUp(): void {
    this.#hold ??= { since: this.host.clock.now(), over: Promise.withResolvers() };
  }

  goesOn(): void {
    this.#hold?.over.resolve();
    this.#hold = undefined;
    this.tellTrouble(undefined);
  }

  /** @param why a sentence for its owner; undefined: it is over. */
  tellTrouble(why: string | undefined): void {
    if (this.#why === why) return;
    this.#why = why;
    this.tell();
  }

  readonly hear = (event: QmpEvent): void => {
    if (event.event === "SHUTDOWN") this.#guestAskedToEnd = true;
    this.#trouble?.hear(event);
    for (const listener of this.events) listener(event);
  };

  becomeStopped(): void {
    this.off.forget();
    this.state.become("stopped");
  }

  /** @param reason a sentence for its owner. */
  fail(reason: string): void {
    this.off.forget();
    this.state.fail(reason);
  }

  tell(): void {
    const { vmId, owner } = this.definition.spec;
    this.host.changed({ vmId, owner });
  }
}

export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
