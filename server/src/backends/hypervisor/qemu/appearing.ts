// Tells when something appears in a folder, so that nobody need look again and again.
import { type FSWatcher, watch } from "node:fs";

export class Appearing {
  readonly #watcher: FSWatcher | undefined;
  #next = Promise.withResolvers<void>();

  constructor(folder: string) {
    this.#watcher = watched(folder, () => this.#next.resolve());
  }

  /** Whether the system has no watches left, so that nothing is told. */
  get isBlind(): boolean {
    return this.#watcher === undefined;
  }

  /** Resolves at the next change from now on; never where it is blind. */
  next(): Promise<void> {
    this.#next = Promise.withResolvers();
    return this.#next.promise;
  }

  close(): void {
    this.#watcher?.close();
  }
}

function watched(folder: string, changed: () => void): FSWatcher | undefined {
  try {
    // What is wrong with a watch is no matter: whoever waits looks by itself, too.
    return watch(folder, { persistent: false }, changed).on("error", () => {});
  } catch {
    return undefined;
  }
}
