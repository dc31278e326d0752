// Lists, page by page or item by item.

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Ask for the next page with it; "" on the last. */
  readonly nextPageToken: string;
  /** A watch that begins here misses nothing of what follows this page's reading. */
  readonly cursor: string;
}

/**
 * A list that is fetched while it is read.
 *
 * @example
 * for await (const vm of cloud.vms.list()) console.log(vm.name);
 * const all = await cloud.vms.list({ filter: { name: "web" } }).all();
 * const first = await cloud.vms.list({ pageSize: 10 }).page();
 */
export class Pages<T> implements AsyncIterable<T> {
  readonly #fetch: (pageToken: string) => Promise<Page<T>>;

  constructor(fetch: (pageToken: string) => Promise<Page<T>>) {
    this.#fetch = fetch;
  }

  /** One page: the first, or the one that `pageToken` leads to. */
  page(pageToken = ""): Promise<Page<T>> {
    return this.#fetch(pageToken);
  }

  /** Every page, one after the other. */
  async *pages(): AsyncGenerator<Page<T>> {
    for (let token = "", more = true; more; more = token !== "") {
      const page = await this.#fetch(token);
      yield page;
      token = page.nextPageToken;
    }
  }

  /** Every item in one array. */
  async all(): Promise<T[]> {
    const items: T[] = [];
    for await (const item of this) items.push(item);
    return items;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for await (const page of this.pages()) yield* page.items;
  }
}
