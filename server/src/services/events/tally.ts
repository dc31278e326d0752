// Events that anybody can cause as often as they like: the first of a sort is written as it comes, the rest of a minute as one that says how many.
import type { Clock } from "../../clock.ts";

/** How long those of a sort are counted. Milliseconds. */
const windowMs = 60_000;
/** Sorts that are counted at a time; those beyond are one sort together. So no flood writes more than some events a second. */
const mostSorts = 200;

interface Counted {
  readonly times?: number;
}

export interface TallyOptions<T extends Counted> {
  readonly clock: Clock;
  write(event: T): Promise<void>;
  /** Told of what could not be written. */
  failed(error: unknown): void;
}

interface Window<T> {
  times: number;
  last: T;
  readonly over: AbortController;
  readonly written: Promise<void>;
}

export class Tally<T extends Counted> {
  readonly #options: TallyOptions<T>;
  readonly #windows = new Map<string, Window<T>>();

  constructor(options: TallyOptions<T>) {
    this.#options = options;
  }

  /** Resolves when it is written or counted; it never fails. */
  async note(sort: string, event: T): Promise<void> {
    const key = this.#windows.size < mostSorts || this.#windows.has(sort) ? sort : "";
    const window = this.#windows.get(key);
    if (window === undefined) {
      this.#open(key, event);
      return this.#write(event);
    }
    window.times += 1;
    window.last = event;
  }

  #open(key: string, event: T): void {
    const over = new AbortController();
    const written = this.#options.clock.sleep(windowMs, over.signal).then(
      () => this.#close(key),
      () => this.#close(key),
    );
    this.#windows.set(key, { times: 0, last: event, over, written });
  }

  async #close(key: string): Promise<void> {
    const window = this.#windows.get(key);
    this.#windows.delete(key);
    if (window !== undefined && window.times > 0) await this.#write({ ...window.last, times: window.times });
  }

  async #write(event: T): Promise<void> {
    await this.#options.write(event).catch((error: unknown) => this.#options.failed(error));
  }

  /** Writes what was counted. */
  async stop(): Promise<void> {
    const open = [...this.#windows.values()];
    for (const { over } of open) over.abort();
    await Promise.all(open.map(({ written }) => written));
  }
}
