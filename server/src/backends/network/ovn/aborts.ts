// Many waits on one signal, at the cost of one listener: a signal looks through all its listeners when one is added.

export class Aborts {
  readonly #waits = new Map<AbortSignal, { readonly calls: Set<() => void>; readonly listener: () => void }>();

  /** Calls back when the signal aborts. Answers how to stop. */
  on(signal: AbortSignal, call: () => void): () => void {
    const { calls, listener } = this.#of(signal);
    calls.add(call);
    return () => {
      if (!calls.delete(call) || calls.size > 0) return;
      this.#waits.delete(signal);
      signal.removeEventListener("abort", listener);
    };
  }

  #of(signal: AbortSignal) {
    const there = this.#waits.get(signal);
    if (there !== undefined) return there;
    const calls = new Set<() => void>();
    const listener = () => {
      for (const call of calls) call();
    };
    signal.addEventListener("abort", listener, { once: true });
    this.#waits.set(signal, { calls, listener });
    return { calls, listener };
  }
}
