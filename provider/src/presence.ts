// Whether anybody listens where the cloud should be. A connection that is refused says at once that nobody does: whoever plans need not wait as long
// as an apply, which goes on through a restart of the cloud.
import type { RequestError } from "./http.ts";

/** How long the questions of a plan and no more are repeated where nobody listens: one that was not checked is a plan all the same. Milliseconds. */
export const askAbsentMs = 1_000;
/** And its reads, without which there is no plan: long enough for a restart. Milliseconds. */
export const readAbsentMs = 10_000;

/** Codes of Node's network errors that say so. */
const refusals: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
]);

export class Presence {
  readonly #now: () => number;
  /** Undefined where the last attempt found somebody. */
  #absentSince: number | undefined;
  /** By the milliseconds that each waits at most. */
  readonly #impatient = new Map<number, AbortController>();

  /** @param now Milliseconds of any clock that never goes back. */
  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /** Somebody answered. */
  met(): void {
    this.#absentSince = undefined;
  }

  /** An attempt failed. */
  missed(error: RequestError): void {
    if (!refusals.has(error.code ?? "")) return;
    const now = this.#now();
    this.#absentSince ??= now;
    for (const [ms, stop] of this.#impatient)
      if (now - this.#absentSince >= ms) {
        this.#impatient.delete(ms);
        stop.abort(error);
      }
  }

  /** Aborts with the error of the attempt that finds that nobody has listened for so long. */
  absentFor(ms: number): AbortSignal {
    const stop = this.#impatient.get(ms) ?? new AbortController();
    this.#impatient.set(ms, stop);
    return stop.signal;
  }
}
