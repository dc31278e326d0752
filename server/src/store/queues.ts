// Named queues inside this process. Transactions that lost a race for a guard wait here for each other, so that each loses but once.
export class Queues {
  readonly #tails = new Map<string, Promise<void>>();

  /** Waits for the turn in all queues. Names must be sorted, so that nobody waits in a circle. Answers how to leave. */
  async enter(names: readonly string[]): Promise<() => void> {
    const leaves: (() => void)[] = [];
    for (const name of names) leaves.push(await this.#enterOne(name));
    return () => {
      for (const leave of leaves) leave();
    };
  }

  async #enterOne(name: string): Promise<() => void> {
    const before = this.#tails.get(name);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#tails.set(name, promise);
    await before;
    return () => {
      resolve();
      if (this.#tails.get(name) === promise) this.#tails.delete(name);
    };
  }
}
