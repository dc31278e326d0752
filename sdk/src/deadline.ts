// How long one call may take over all its attempts, joined with the caller's own wish to stop.
import { PhotonError } from "./errors.ts";
import type { Timing } from "./timing.ts";

/** The longest time that a timer of JavaScript can wait. */
const longestTimerMs = 2 ** 31 - 1;

/** What `AbortSignal.timeout()` gives as its reason. */
const isTimeout = (reason: unknown): boolean =>
  typeof reason === "object" && reason !== null && "name" in reason && reason.name === "TimeoutError";

/** Ends after `ms`, or when the caller's signal aborts. Call `end()` when the call is over, or its timer lives on. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timing: Timing;
  readonly #endsAt: number;
  readonly #ms: number;
  readonly #outer: AbortSignal | undefined;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #stop = (): void => this.#controller.abort();

  constructor(ms: number, timing: Timing, outer: AbortSignal | undefined) {
    this.#timing = timing;
    this.#ms = ms;
    this.#outer = outer;
    this.#endsAt = timing.now() + ms;
    if (outer?.aborted === true) this.#stop();
    outer?.addEventListener("abort", this.#stop, { once: true });
    this.#timer = ms < longestTimerMs ? setTimeout(this.#stop, ms) : undefined;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Never below zero. */
  remainingMs(): number {
    return Math.max(0, this.#endsAt - this.#timing.now());
  }

  /** Why it is over: the caller stopped it, or time is up, by its own count or the caller's. `last`: what went wrong before. */
  error(method: string, last?: unknown): PhotonError {
    const why = last instanceof PhotonError ? `: ${last.message}` : "";
    const reason: unknown = this.#outer?.aborted === true ? this.#outer.reason : undefined;
    if (this.#outer?.aborted === true && !isTimeout(reason))
      return new PhotonError("canceled", `${method} was stopped by its caller${why}`, { method, cause: reason });
    const message = `${method} was not done ${reason === undefined ? `within ${this.#ms} ms` : "in time"}${why}`;
    return new PhotonError("deadline_exceeded", message, { method, retry: "later", cause: last });
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#stop);
  }
}
