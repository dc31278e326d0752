// What is known of one machine while a driver looks after it: its definition, its process and monitor, and how it is seen. What is done with it
// stands in files of its own: machine-start.ts, machine-end.ts, machine-take-up.ts, machine-change.ts, machine-arrival.ts.
import type { MachineState } from "../driver.ts";
import { standsStill } from "../moving/sender.ts";
import type { Definition, Running } from "./definition.ts";
import type { Host } from "./host.ts";
import { type MachineFiles, machineFiles } from "./layout.ts";
import { needsRestart } from "./machine-change.ts";
import { StateOf } from "./machine-state.ts";
import { type Power, PowerOff } from "./power-off.ts";
import type { Qmp, QmpEvent } from "./qmp.ts";
import { Trouble } from "./trouble.ts";

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
  /** Whether this driver has let go of it: its process runs on. */
  detached = false;
  /** Whether another host may have it. */
  isHandedOver = false;
  /** Resolves when what follows the process's end is done. */
  ended: Promise<void> = Promise.resolve();
  #monitor: Qmp | undefined;
  #trouble: Trouble | undefined;
  #guestAskedToEnd = false;
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

  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  /** Whether its guest ended it: then it has not died. */
  get guestAskedToEnd(): boolean {
    return this.#guestAskedToEnd;
  }

  /** Undefined: it does not run. */
  get power(): Power | undefined {
    const { running, monitor } = this;
    return running === undefined || monitor === undefined ? undefined : { running, monitor };
  }

  look(): MachineState {
    return this.state.look(() => ({
      needsRestart: needsRestart(this.definition.spec, this.running?.spec),
      trouble: this.isHandedOver ? standsStill : this.#trouble?.sentence,
    }));
  }

  /** Does something when nothing else is being done with the machine, and it has wholly ended if it is ending. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(() => (this.#monitor === undefined ? this.ended : undefined)).then(work);
    this.#work = done.catch(() => {});
    return done;
  }

  /** A process answers for the machine from here on. */
  answersBy(monitor: Qmp): void {
    this.#monitor = monitor;
    this.#guestAskedToEnd = false;
    this.#trouble = new Trouble(monitor, this.files.folder, () => this.tell());
  }

  /** Nobody answers any more. */
  isSilent(): void {
    this.#monitor = undefined;
    this.#trouble = undefined;
    this.off.wait();
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
