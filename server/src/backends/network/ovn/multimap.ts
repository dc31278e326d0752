// Several values under a key; a key without values is gone.

const none: ReadonlySet<string> = new Set();

export class Multimap {
  /** One value is kept as it is: most keys have no second, and a set costs ten times as much. */
  readonly #values = new Map<string, string | Set<string>>();

  get(key: string): ReadonlySet<string> {
    const values = this.#values.get(key);
    if (values === undefined) return none;
    return typeof values === "string" ? new Set([values]) : values;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  keys(): IterableIterator<string> {
    return this.#values.keys();
  }

  add(key: string, value: string): void {
    const values = this.#values.get(key);
    if (values === undefined) this.#values.set(key, value);
    else if (typeof values !== "string") values.add(value);
    else if (values !== value) this.#values.set(key, new Set([values, value]));
  }

  delete(key: string, value: string): void {
    const values = this.#values.get(key);
    if (values === value) this.#values.delete(key);
    else if (typeof values === "object" && values.delete(value) && values.size === 0) this.#values.delete(key);
  }
}
