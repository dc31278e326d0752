// Wakes a loop that waits: rung while nobody waits, it is heard by the next wait.
import type { Clock } from "../clock.ts";

export class Bell {
  #rung = false;
  #waiting: AbortController | undefined;

  ring(): void {
    this.#rung = true;
    this.#waiting?.abort();
  }

  /** Resolves when rung, or after `ms`. One may wait at a time. */
  async wait(ms: number, clock: Clock): Promise<void> {
    if (!this.#rung) {
      this.#waiting = new AbortController();
      await clock.sleep(ms, this.#waiting.signal);
      this.#waiting = undefined;
    }
    this.#rung = false;
  }
}
