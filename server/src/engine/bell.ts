// Wakes a loop that waits: rung while nobody waits, it is heard by the next wait.
import type { Clock } from "../clock.ts";

const rung = "rung";

export class Bell {
  #rung = false;
  #waiting: AbortController | undefined;

  ring(): void {
    this.#rung = true;
    // Without a reason of its own an abort makes an exception with its stack, at every commit.
    this.#waiting?.abort(rung);
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
