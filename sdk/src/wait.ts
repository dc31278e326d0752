// Waits until a resource is as asked for, or gone.
import { isPhotonError, PhotonError } from "./errors.ts";
import type { WatchEvent } from "./resource-client.ts";
import type { Timing } from "./timing.ts";

/** How long to wait where nothing was said, in milliseconds: long enough for a machine that boots from a large image. */
const defaultWaitMs = 600_000;
/** For how long a resource may show as failed before a waiter gives up; the cloud keeps trying, and a blink is no failure. */
const defaultFailedMs = 10_000;

/** What the waiters take. */
export interface WaitOptions {
  /** Default 600,000 (10 minutes). */
  readonly timeoutMs?: number | undefined;
  /** How long it may stay failed before the waiter gives up, in milliseconds. Default 10,000. */
  readonly failedMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly org?: string | undefined;
  readonly project?: string | undefined;
}

/** What is known of a resource's progress; every answer has it. */
export interface Progress {
  readonly id: string;
  readonly status: { readonly state: string; readonly reason: string; readonly message: string };
}

export interface Waiting<T> {
  readonly what: string;
  readonly options: WaitOptions;
  readonly timing: Timing;
  readonly get: (signal: AbortSignal) => Promise<T>;
  readonly watch: (signal: AbortSignal) => AsyncIterable<WatchEvent<T>>;
}

/** @param text what was said of it before this. */
function why(text: string, progress: Progress | undefined): string {
  if (progress === undefined) return "";
  const { state, reason, message } = progress.status;
  const now = text === state ? "" : `; it is ${state || "in no state yet"}`;
  return `${now}${reason === "" ? "" : ` (${reason}: ${message})`}`;
}

function stateOf(progress: Progress): string {
  return progress.status.state;
}

/** One wait: its end, and what was seen last. */
class Wait<T> {
  readonly stop = new AbortController();
  readonly #waiting: Waiting<T>;
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  readonly #outer = (): void => this.#fail("canceled", "was stopped by its caller");
  #failing = false;
  #last: Progress | undefined;
  #error: PhotonError | undefined;

  constructor(waiting: Waiting<T>) {
    this.#waiting = waiting;
    const { timeoutMs = defaultWaitMs, signal } = waiting.options;
    if (signal?.aborted === true) this.#outer();
    signal?.addEventListener("abort", this.#outer, { once: true });
    this.#after(timeoutMs, () => this.#fail("deadline_exceeded", `was not settled within ${timeoutMs} ms`));
  }

  /** Looks at what is there now; a failure that stays ends the wait. */
  see(progress: Progress): void {
    this.#last = progress;
    const { failedMs = defaultFailedMs } = this.#waiting.options;
    const failed = stateOf(progress) === "failed";
    if (failed && !this.#failing)
      this.#after(failedMs, () => this.#failing && this.#fail("failed_precondition", "failed"));
    this.#failing = failed;
  }

  /** The error that ended it, in place of what the ended call threw. */
  error(thrown: unknown): unknown {
    return this.#error ?? thrown;
  }

  end(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#waiting.options.signal?.removeEventListener("abort", this.#outer);
    this.stop.abort();
  }

  #after(ms: number, action: () => void): void {
    this.#timers.push(setTimeout(action, ms));
  }

  #fail(code: "canceled" | "deadline_exceeded" | "failed_precondition", text: string): void {
    const reason = this.#last?.status.reason ?? "";
    this.#error ??= new PhotonError(code, `${this.#waiting.what} ${text}${why(text, this.#last)}`, {
      reason,
      retry: "later",
    });
    this.stop.abort();
  }
}

async function waited<T, R>(waiting: Waiting<T>, work: (wait: Wait<T>) => Promise<R>): Promise<R> {
  const wait = new Wait(waiting);
  try {
    return await work(wait);
  } catch (thrown) {
    throw wait.error(thrown);
  } finally {
    wait.end();
  }
}

function stopped(what: string): PhotonError {
  return new PhotonError("canceled", `the wait for ${what} was stopped`);
}

function gone(what: string): PhotonError {
  return new PhotonError("not_found", `${what} was deleted while it was waited for`, {
    reason: "NOT_FOUND",
    retry: "never",
  });
}

/** @throws PhotonError not_found when it is gone, failed_precondition when it stays failed, deadline_exceeded. */
export function untilReady<T extends Progress>(waiting: Waiting<T>): Promise<T> {
  return waited(waiting, async (wait) => {
    const first = await waiting.get(wait.stop.signal);
    if (stateOf(first) === "ready") return first;
    wait.see(first);
    for await (const event of waiting.watch(wait.stop.signal)) {
      if (event.change === "deleted") throw gone(waiting.what);
      if (event.change === "bookmark") continue;
      if (stateOf(event.resource) === "ready") return event.resource;
      wait.see(event.resource);
    }
    throw stopped(waiting.what);
  });
}

/** @throws PhotonError failed_precondition when its removal stays failed, deadline_exceeded. */
export function untilGone<T extends Progress>(waiting: Waiting<T>): Promise<void> {
  return waited(waiting, async (wait) => {
    try {
      wait.see(await waiting.get(wait.stop.signal));
    } catch (error) {
      if (isPhotonError(error, "not_found")) return;
      throw error;
    }
    let seen = false;
    for await (const event of waiting.watch(wait.stop.signal)) {
      if (event.change === "deleted" || (event.change === "bookmark" && !seen)) return;
      seen = true;
      if (event.change !== "bookmark") wait.see(event.resource);
    }
    throw stopped(waiting.what);
  });
}
