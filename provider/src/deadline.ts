// How long one operation may take, waits and retries included; it also ends when Terraform says stop.
import { setTimeout as sleep } from "node:timers/promises";

/** The longest that a timer can wait, in milliseconds. */
const longestMs = 2 ** 31 - 1;

export class Deadline {
  readonly #endsAt: number;
  readonly #stops: readonly AbortSignal[];
  #signal: AbortSignal | undefined;

  /**
   * @param ms From now, in milliseconds.
   * @param stops Whichever aborts first ends it, too.
   */
  constructor(ms: number, ...stops: readonly AbortSignal[]) {
    this.#endsAt = performance.now() + ms;
    this.#stops = stops;
  }

  /** Made at its first use: most reads are answered from what was listed ahead, and wait for nothing. */
  get signal(): AbortSignal {
    const timer = () => AbortSignal.timeout(Math.min(Math.ceil(this.remainingMs()), longestMs));
    this.#signal ??= AbortSignal.any([...this.#stops, timer()]);
    return this.#signal;
  }

  /** Never below zero. */
  remainingMs(): number {
    return Math.max(0, this.#endsAt - performance.now());
  }

  /** Whether Terraform, not the time, ended it. */
  get stopped(): boolean {
    return this.#stops.some((stop) => stop.aborted);
  }

  get over(): boolean {
    return this.stopped || this.remainingMs() === 0;
  }

  /** Waits; ends early, without an error, when the deadline is over. */
  async pause(ms: number): Promise<void> {
    await sleep(Math.min(ms, this.remainingMs()), undefined, { signal: this.signal }).catch(() => undefined);
  }
}
