// Who wants to hear of commits.
export class Listeners {
  readonly #listeners = new Set<{ readonly call: () => void }>();

  /** Answers how to stop. */
  add(call: () => void): () => void {
    const entry = { call };
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  /** Calls everybody soon, each on its own, so that one that throws does not stop the others. */
  notify(): void {
    for (const { call } of this.#listeners) queueMicrotask(call);
  }
}
