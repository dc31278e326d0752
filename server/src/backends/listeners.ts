// Who wants to be told of a driver's changes.

/** A set of listeners. */
export class Listeners<Change> {
  readonly #listeners = new Set<(change: Change) => void>();

  /** Answers how to stop. */
  add(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }
}
