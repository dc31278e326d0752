// Removes what has expired, now and then, in passing: no timer of its own.
import type { Clock } from "../clock.ts";
import type { Database } from "./database.ts";

/** Expired rows are as good as absent to every reader; this only keeps the tables small. */
const everyMs = 60_000;

export class Sweeper {
  readonly #database: Database;
  readonly #clock: Clock;
  #next = 0;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  maybeSweep(): void {
    const now = this.#clock.now();
    if (now < this.#next) return;
    this.#next = now + everyMs;
    // A sweep that fails is tried again a minute later; a store that is really broken shows in the writes beside it.
    this.#database.write("sweep", { now }).catch(() => undefined);
  }
}
