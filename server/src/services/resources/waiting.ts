// Holds answers back until a resource is settled. One listener on the store serves all who wait; only what an event touched is read again.
import type { Clock } from "../../clock.ts";
import type { ResourceKey, ResourceRow, Store } from "../../store/store.ts";
import { keyText } from "./work.ts";

/** The longest that an answer is held back, in milliseconds: below the idle limits of common proxies. */
export const longestWaitMs = 30_000;

/** How often one who waits looks by itself, in milliseconds: for a store whose hints come before the log shows what they hint at. */
const lookAgainMs = 2_000;

/** How many events are read at a time. */
const batch = 500;

export class Waiting {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #waiters = new Map<string, Set<() => void>>();
  #stop: (() => void) | undefined;
  #cursor: Promise<string> | undefined;
  #reading = false;
  #again = false;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Waits until `settled` says so of the row (undefined: it is gone), at most `ms`. Answers the row as it was seen last. */
  async until(
    key: ResourceKey,
    ms: number,
    signal: AbortSignal,
    settled: (row: ResourceRow | undefined) => boolean,
  ): Promise<ResourceRow | undefined> {
    const deadline = this.#clock.now() + Math.min(ms, longestWaitMs);
    const changed = await this.#enter(key);
    try {
      for (;;) {
        const row = await this.#store.get(key);
        const left = deadline - this.#clock.now();
        if (settled(row) || left <= 0 || signal.aborted) return row;
        await changed.next(Math.min(left, lookAgainMs), signal);
      }
    } finally {
      changed.leave();
    }
  }

  /** Registers one who waits; the log is followed from before their first look. */
  async #enter(key: ResourceKey): Promise<{ next(ms: number, signal: AbortSignal): Promise<void>; leave(): void }> {
    const text = keyText(key);
    let touched = false;
    let wake: () => void = () => {};
    const notify = () => {
      touched = true;
      wake();
    };
    const waiters = this.#waiters.get(text) ?? new Set();
    this.#waiters.set(text, waiters.add(notify));
    await this.#follow();
    return {
      next: async (ms, signal) => {
        if (!touched) await this.#sleep(ms, signal, (stop) => (wake = stop));
        touched = false;
      },
      leave: () => this.#leave(text, notify),
    };
  }

  /** Sleeps until the time is over, the signal aborts or what was given to `onWake` is called. */
  async #sleep(ms: number, signal: AbortSignal, onWake: (stop: () => void) => void): Promise<void> {
    const stopping = new AbortController();
    onWake(() => stopping.abort());
    await this.#clock.sleep(ms, AbortSignal.any([signal, stopping.signal]));
  }

  #leave(text: string, notify: () => void): void {
    const waiters = this.#waiters.get(text);
    waiters?.delete(notify);
    if (waiters?.size === 0) this.#waiters.delete(text);
    if (this.#waiters.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
    this.#cursor = undefined;
  }

  async #follow(): Promise<void> {
    this.#stop ??= this.#store.onCommit(() => void this.#read());
    this.#cursor ??= this.#store.head();
    await this.#cursor;
  }

  /** Reads the log on and wakes whom it concerns; one reading at a time. A failure wakes nobody: they look again by themselves. */
  async #read(): Promise<void> {
    this.#again = true;
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.#again && this.#cursor !== undefined) {
        this.#again = false;
        await this.#readPage(await this.#cursor);
      }
    } catch {
      this.#cursor = this.#waiters.size > 0 ? this.#store.head() : undefined;
      this.#cursor?.catch(() => {});
    } finally {
      this.#reading = false;
    }
  }

  async #readPage(after: string): Promise<void> {
    const { events, cursor } = await this.#store.events(after, { limit: batch });
    if (this.#cursor !== undefined) this.#cursor = Promise.resolve(cursor);
    if (events.length === batch) this.#again = true;
    for (const event of events) for (const notify of this.#waiters.get(keyText(event)) ?? []) notify();
  }
}
