// A machine that leaves this host.
import type { Duplex } from "node:stream";
import { DriverError } from "../../driver-error.ts";
import type { MoveOffer } from "../driver.ts";
import type { Words } from "../moving/line.ts";
import { checkSteady } from "../moving/moves.ts";
import type { Cargo } from "../moving/sender.ts";
import type { Host } from "./host.ts";
import type { Machine } from "./machine.ts";
import { helloOf } from "./move-hello.ts";
import { forgetDeparture, writeDeparture } from "./move-records.ts";
import { RunningCopy } from "./move-running.ts";
import { StoppedCopy } from "./move-stopped.ts";
import { finishRestore } from "./snapshots.ts";

export interface CargoOptions {
  readonly host: Host;
  readonly machine: Machine;
  readonly offer: MoveOffer;
  /** The digest of an image that is here. */
  readonly digestOf: (imageId: string) => string | undefined;
}

export class MachineCargo implements Cargo {
  readonly #options: CargoOptions;
  #copy: RunningCopy | StoppedCopy | undefined;

  constructor(options: CargoOptions) {
    this.#options = options;
  }

  /** What was being changed is changed first. */
  describe(): Promise<Words> {
    const { host, machine, digestOf } = this.#options;
    return machine.inTurn(async () => {
      checkMovable(machine);
      const { imageId, power } = machine;
      if (power === undefined) await finishRestore(machine.files, machine.spec);
      this.#copy = power === undefined ? new StoppedCopy(machine) : new RunningCopy(host, machine, power);
      return helloOf(host, machine, imageId === undefined ? undefined : digestOf(imageId));
    });
  }

  progress(): { readonly copiedBytes: number; readonly totalBytes: number } {
    return this.#copy?.progress ?? { copiedBytes: 0, totalBytes: 0 };
  }

  async carry(dial: (channel: string) => Promise<Duplex>, ready: Words, signal: AbortSignal): Promise<Words> {
    const copy = this.#copy;
    try {
      if (copy instanceof StoppedCopy) return await copy.carry(dial, signal);
      if (copy !== undefined) return await copy.carry(dial, String(ready.sync), signal);
    } catch (error) {
      if (copy instanceof RunningCopy && this.#options.machine.power === undefined)
        throw new DriverError("unavailable", "it ended while it was moved", { cause: error });
      throw error;
    }
    throw new Error("nothing was described");
  }

  handOver(last: Words): void {
    const { machine, offer } = this.#options;
    writeDeparture(machine.files, { phase: "handing", offer, last });
    machine.handOver(true);
  }

  async stay(): Promise<void> {
    const { machine } = this.#options;
    if (this.#copy instanceof RunningCopy) this.#copy.close();
    await machine.goOn();
    forgetDeparture(machine.files);
    machine.handOver(false);
  }

  async leave(): Promise<void> {
    const { machine, offer } = this.#options;
    writeDeparture(machine.files, { phase: "gone", offer, last: {} });
    if (this.#copy instanceof RunningCopy) this.#copy.close();
    await machine.leave();
  }
}

/** @throws DriverError "refused" where a machine can't be moved, "unavailable" where it can't now. */
export function checkMovable(machine: Machine): void {
  const { spec, state, power } = machine;
  const { vmId } = spec;
  machine.checkAnswers();
  checkSteady(vmId, state);
  if (state.state === "running" && power === undefined)
    throw new DriverError("unavailable", `the process of vm ${vmId} has just ended`);
}
