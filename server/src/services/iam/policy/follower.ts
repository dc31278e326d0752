// Follows the log for the few kinds that decide who may do what, so that every replica hears of a change within seconds.
import type { Clock } from "../../../clock.ts";
import type { Store, StoredEvent } from "../../../store/store.ts";

/** How often the log is looked at where nothing hints at a change. A third of the 5 seconds in which a revocation must be known everywhere. */
const everyMs = 1_500;
/** The least time between two looks that were hinted at: a busy cloud commits all the time. */
const gapMs = 100;
/** After this long without a look the decisions would be made on old news: they wait for one, or fail. */
const staleMs = 4_000;
const pageSize = 500;

export interface FollowerParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly kinds: readonly string[];
  onEvent(event: StoredEvent): void | Promise<void>;
  onFailure?(error: unknown): void;
}

export class Follower {
  readonly #parts: FollowerParts;
  #cursor: string | undefined;
  #lookedAt = 0;
  #looking: Promise<void> | undefined;
  #stop: AbortController | undefined;
  #loop: Promise<void> = Promise.resolve();
  #hint: () => void = () => undefined;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
  }

  /** Undefined, or resolves, when everything up to a few seconds ago is known. @throws what the store throws. */
  fresh(): undefined | Promise<void> {
    const known = this.#cursor !== undefined && Math.abs(this.#parts.clock.now() - this.#lookedAt) < staleMs;
    return known ? undefined : this.look();
  }

  /** Reads what is new; calls at the same time share one reading. */
  look(): Promise<void> {
    this.#looking ??= this.#read().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #read(): Promise<void> {
    const { store, clock } = this.#parts;
    const began = clock.now();
    this.#cursor ??= await store.head();
    while (await this.#readPage(this.#cursor));
    this.#lookedAt = began;
  }

  /** Answers whether there may be more. */
  async #readPage(after: string): Promise<boolean> {
    const { store, kinds, onEvent } = this.#parts;
    const { events, cursor } = await store.events(after, { kinds, limit: pageSize });
    for (const event of events) await onEvent(event);
    this.#cursor = cursor;
    return events.length === pageSize;
  }

  start(): void {
    if (this.#stop !== undefined) return;
    const stop = new AbortController();
    this.#stop = stop;
    const end = this.#parts.store.onCommit(() => this.#hint());
    this.#loop = this.#run(stop.signal).finally(end);
  }

  async stop(): Promise<void> {
    this.#stop?.abort();
    this.#hint();
    await this.#loop;
    this.#stop = undefined;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, onFailure } = this.#parts;
    while (!signal.aborted) {
      await this.look().catch((error: unknown) => onFailure?.(error));
      await this.#pause(signal);
      await clock.sleep(gapMs, signal);
    }
  }

  /** Waits for a hint or for the time. */
  async #pause(signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    this.#hint = () => over.abort();
    if (signal.aborted) return;
    await this.#parts.clock.sleep(everyMs, over.signal);
    over.abort();
  }
}
