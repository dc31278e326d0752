// Hands over what comes in to whoever reads it, in order.

export class Queue<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  #came = Promise.withResolvers<void>();
  #ended = false;

  push(item: T): void {
    this.#items.push(item);
    this.#came.resolve();
  }

  end(): void {
    this.#ended = true;
    this.#came.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      this.#came = Promise.withResolvers();
      yield* this.#items.splice(0);
      if (this.#ended) return;
      if (this.#items.length === 0) await this.#came.promise;
    }
  }
}
