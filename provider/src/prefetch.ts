// The resources of one kind and tenant, listed page by page ahead of the reads that ask for them one by one.
import type { KindCalls, Reference, Terms } from "./cloud.ts";
import { type JsonObject, textOf } from "./json-object.ts";

/** As many as a page may have: the server ends a page at 2 MiB anyway. */
const pageSize = 1000;
/** A page more for every so many reads, so that a few resources of a large tenant cost no walk through all of it. */
const readsPerPage = 10;
/** No further page while so many wait to be read: about 30 MB. */
const mostHeld = 10_000;

/** Answers each resource once: whoever reads it again asks the cloud. */
export class Prefetch {
  readonly #held = new Map<string, JsonObject>();
  #reads = 0;
  #pages = 0;
  /** Of the page that comes next; undefined after the last. */
  #token: string | undefined = "";
  #fetching: Promise<void> | undefined;

  /** The resource, or undefined where the pages do not have it; that does not say that there is none. */
  async take(calls: KindCalls, at: Reference, terms: Terms): Promise<JsonObject | undefined> {
    this.#reads += 1;
    while (!this.#held.has(at.id) && this.#another()) {
      this.#fetching ??= this.#fetch(calls, at, terms);
      await this.#fetching;
    }
    const found = this.#held.get(at.id);
    this.#held.delete(at.id);
    return found;
  }

  #another(): boolean {
    if (this.#fetching !== undefined) return true;
    return this.#token !== undefined && this.#pages < 1 + this.#reads / readsPerPage && this.#held.size < mostHeld;
  }

  /** Where a page can't be had, each read asks for itself, and gets its own error. */
  async #fetch(calls: KindCalls, at: Reference, terms: Terms): Promise<void> {
    try {
      const { items, next } = await calls.page(at, { size: pageSize, token: this.#token ?? "" }, terms);
      // Chosen ids are unique within a tenant alone, and a listing may show what is inherited from another.
      for (const item of items) if (calls.isIn(at, item)) this.#held.set(textOf(item, "id"), item);
      this.#token = next === "" ? undefined : next;
    } catch {
      this.#token = undefined;
    } finally {
      this.#pages += 1;
      this.#fetching = undefined;
    }
  }
}
