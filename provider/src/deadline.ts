// How long one operation may take, waits and retries included; it also ends when Terraform says stop.
import { setTimeout as sleep } from "node:timers/promises";

export class Deadline {
  readonly signal: AbortSignal;
  readonly #endsAt: number;
  readonly #stop: AbortSignal;

  /** @param ms From now, in milliseconds. */
  constructor(ms: number, stop: AbortSignal) {
    this.#endsAt = performance.now() + ms;
    this.#stop = stop;
    this.signal = AbortSignal.any([stop, AbortSignal.timeout(Math.min(ms, 2 ** 31 - 1))]);
  }

  /** Never below zero. */
  remainingMs(): number {
    return Math.max(0, this.#endsAt - performance.now());
  }

  /** Whether Terraform, not the time, ended it. */
  get stopped(): boolean {
    return this.#stop.aborted;
  }

  get over(): boolean {
    return this.signal.aborted || this.remainingMs() === 0;
  }

  /** Waits; ends early, without an error, when the deadline is over. */
  async pause(ms: number): Promise<void> {
    await sleep(Math.min(ms, this.remainingMs()), undefined, { signal: this.signal }).catch(() => undefined);
  }
}
