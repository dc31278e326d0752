// How a machine is ended: its guest is asked, again and again; when its time is up the plug is pulled.
import type { Clock } from "../../../clock.ts";
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
  ask(graceMs: number): ((power: () => Power | undefined) => Promise<void>) | undefined {
    const now = this.#clock.now();
    this.#askedAt ??= now;
    if (this.#askedAt + graceMs >= this.#plugPulledAt) return undefined;
    this.#plugPulledAt = this.#askedAt + graceMs;
    this.wait();
    this.#waiting = new AbortController();
    const [left, { signal }] = [this.#plugPulledAt - now, this.#waiting];
    return (power) => (left <= 0 ? this.pullPlug(power()) : this.#askUntil(power, left, signal));
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
  async pullPlug(power: { readonly running: Running; readonly monitor: Qmp | undefined } | undefined): Promise<void> {
    if (power === undefined) return;
    const { running, monitor } = power;
    void monitor?.execute("quit").catch(() => {});
    const late = new AbortController();
    await Promise.race([monitor?.closed, this.#clock.sleep(quitMs, late.signal)]);
    late.abort();
    kill(running.process, this.#uuid);
  }

  async #askUntil(power: () => Power | undefined, graceMs: number, signal: AbortSignal): Promise<void> {
    const deadline = this.#clock.now() + graceMs;
    let asked = 0;
    for (let now = power(); !signal.aborted && now !== undefined; now = power()) {
      const left = deadline - this.#clock.now();
      if (left <= 0) return this.pullPlug(now);
      await askToShutDown(now.monitor, this.#agent, asked++);
      await this.#clock.sleep(Math.min(askAgainMs, left), signal);
    }
  }
}
