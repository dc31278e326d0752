// Follows the event log for many readers. One listener on the store wakes them all; each reads on from its own cursor.
import type { Clock } from "../../clock.ts";
import type { EventQuery, Store, StoredEvent } from "../../store/store.ts";

/** How many events are read at a time; each may be some hundred kilobytes, and each reader holds its own. */
const batch = 100;

export interface LogPage {
  readonly events: readonly StoredEvent[];
  /** Everything up to here was seen. */
  readonly cursor: string;
}

const committed = "committed";

export class LogTail {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #sleepers = new Set<() => void>();
  #stop: (() => void) | undefined;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * Pages of events after a cursor, as they come; an empty page after `idleMs` milliseconds without one. Ends when the signal aborts.
   *
   * @throws StoreError "bad_cursor"
   */
  async *follow(
    from: string,
    query: Omit<EventQuery, "limit">,
    { idleMs, signal }: { readonly idleMs: number; readonly signal: AbortSignal },
  ): AsyncGenerator<LogPage> {
    let cursor = from;
    let quietSince = this.#clock.now();
    while (!signal.aborted) {
      // Listens before it reads, so that what is committed in between wakes it.
      const commit = this.#nextCommit(signal);
      try {
        const page = await this.#store.events(cursor, { ...query, limit: batch });
        ({ cursor } = page);
        const left = quietSince + idleMs - this.#clock.now();
        if (page.events.length > 0 || left <= 0) {
          quietSince = this.#clock.now();
          yield page;
        } else await commit.within(left);
      } finally {
        commit.cancel();
      }
    }
  }

  /** The next commit from now on. */
  #nextCommit(signal: AbortSignal): { within(ms: number): Promise<void>; cancel(): void } {
    const happened = new AbortController();
    // Without a reason of its own an abort makes an exception with its stack, for every reader at every commit.
    const wake = () => happened.abort(committed);
    this.#sleepers.add(wake);
    this.#stop ??= this.#store.onCommit(() => {
      for (const sleeper of this.#sleepers) sleeper();
    });
    return {
      within: (ms) => this.#clock.sleep(ms, AbortSignal.any([happened.signal, signal])),
      cancel: () => {
        this.#sleepers.delete(wake);
        if (this.#sleepers.size > 0) return;
        this.#stop?.();
        this.#stop = undefined;
      },
    };
  }
}
