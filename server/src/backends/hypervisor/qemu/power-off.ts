// How a machine is ended: its guest is asked, again and again; when its time is up the plug is pulled.
import type { Clock } from "../../../clock.ts";
import { atMost } from "./at-most.ts";
import type { Running } from "./definition.ts";
import { kill } from "./process.ts";
import type { Qmp } from "./qmp.ts";
import { askToShutDown } from "./shutdown.ts";

/** How often a guest is asked again to shut down, in milliseconds: one that is still booting does not hear it. */
const askAgainMs = 2_000;
/** How long QEMU may take to write out what it holds when the plug is pulled, in milliseconds. */
const quitMs = 3_000;

/** What runs, and how to talk to it. */
export interface Power {
  readonly running: Running;
  readonly monitor: Qmp;
}

/** What is to end. */
export interface Ending {
  readonly running: Running;
  /** Undefined: nobody answers for it. */
  readonly monitor: Qmp | undefined;
}

export class PowerOff {
  readonly #clock: Clock;
  readonly #uuid: string;
  /** The socket of the guest's agent. */
  readonly #agent: string;
  #askedAt: number | undefined;
  #plugPulledAt = Number.POSITIVE_INFINITY;
  #waiting = new AbortController();

  constructor(clock: Clock, uuid: string, agent: string) {
    this.#clock = clock;
    this.#uuid = uuid;
    this.#agent = agent;
  }

  get isAsked(): boolean {
    return this.#askedAt !== undefined;
  }

  /** Answers what is to be done now; undefined: it was asked to end sooner before. */
  ask(graceMs: number): ((ending: () => Ending | undefined) => Promise<void>) | undefined {
    const now = this.#clock.now();
    this.#askedAt ??= now;
    if (this.#askedAt + graceMs >= this.#plugPulledAt) return undefined;
    this.#plugPulledAt = this.#askedAt + graceMs;
    this.wait();
    this.#waiting = new AbortController();
    const [left, { signal }] = [this.#plugPulledAt - now, this.#waiting];
    return (ending) => (left <= 0 ? this.pullPlug(ending()) : this.#askUntil(ending, left, signal));
  }

  /** Asks no more for now. */
  wait(): void {
    this.#waiting.abort();
  }

  /** It has ended. */
  forget(): void {
    this.#askedAt = undefined;
    this.#plugPulledAt = Number.POSITIVE_INFINITY;
  }

  /** QEMU writes out what it holds of its files; it is ended where that takes long. */
  async pullPlug(ending: Ending | undefined): Promise<void> {
    if (ending === undefined) return;
    const { running, monitor } = ending;
    void monitor?.execute("quit").catch(() => {});
    if (monitor !== undefined) await atMost(this.#clock, quitMs, monitor.closed);
    kill(running.process, this.#uuid);
  }

  async #askUntil(ending: () => Ending | undefined, graceMs: number, signal: AbortSignal): Promise<void> {
    const deadline = this.#clock.now() + graceMs;
    let asked = 0;
    for (let now = ending(); !signal.aborted && now !== undefined; now = ending()) {
      const left = deadline - this.#clock.now();
      if (left <= 0) return this.pullPlug(now);
      if (now.monitor !== undefined) await atMost(this.#clock, left, askToShutDown(now.monitor, this.#agent, asked++));
      await this.#clock.sleep(Math.max(0, Math.min(askAgainMs, deadline - this.#clock.now())), signal);
    }
  }
}
