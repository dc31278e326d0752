// A clock that stands still until a test moves it.
import type { Clock } from "../../clock.ts";

interface Sleeper {
  readonly until: number;
  wake(): void;
}

export class ManualClock implements Clock {
  #now: number;
  readonly #sleepers = new Set<Sleeper>();

  /** @param now where it begins, in milliseconds since 1970 */
  constructor(now = Date.UTC(2030, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted || ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const sleeper = { until: this.#now + ms, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", wake, { once: true });
    });
  }

  /** Lets time pass, and wakes those whose time has come, the earliest first. */
  advance(ms: number): void {
    this.#now += ms;
    const due = [...this.#sleepers].filter((sleeper) => sleeper.until <= this.#now);
    for (const sleeper of due.sort((a, b) => a.until - b.until)) sleeper.wake();
  }

  /** How many sleep now. */
  get sleeping(): number {
    return this.#sleepers.size;
  }
}
