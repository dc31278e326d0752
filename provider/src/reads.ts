// Reads of one walk of Terraform's. The first of a kind and tenant that comes alone is asked for alone; from the second on they are answered
// from pages that are listed ahead. What the pages lack is asked for in batches, which join the reads that come at the same time.
import type { KindCalls, Reference, Terms } from "./cloud.ts";
import { isNotFound } from "./diagnostics.ts";
import { type JsonObject, textOf } from "./json-object.ts";
import { Prefetch } from "./prefetch.ts";

/** How long the first read waits for company; on a busy machine Terraform's calls of one burst arrive within it. */
const gatherMs = 8;
/** No longer than until this many are there: Terraform reads ten at a time unless it is told otherwise. */
const enough = 10;

interface Waiting {
  readonly at: Reference;
  readonly terms: Terms;
  readonly resolve: (found: Promise<JsonObject | undefined>) => void;
}

async function getOne(calls: KindCalls, at: Reference, terms: Terms): Promise<JsonObject | undefined> {
  try {
    return await calls.get(at, terms);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Reads between two configurations of the provider: Terraform configures it anew for each walk. */
export class Reads {
  readonly #gathering = new Map<string, Waiting[]>();
  readonly #prefetches = new Map<string, Prefetch>();
  #ahead = true;

  /** Nothing that was listed before a change answers a read after it. */
  changing(): void {
    this.#ahead = false;
    this.#prefetches.clear();
  }

  /** The resource, or undefined where there is none. */
  async read(calls: KindCalls, at: Reference, terms: Terms): Promise<JsonObject | undefined> {
    // Orgs and projects are scopes: whoever reads one needs the permission there, not in the tenant around it.
    if (calls.kind.isScope !== 0) return getOne(calls, at, terms);
    const group = JSON.stringify([calls.kind.typeName, at.org, at.project]);
    const found = await this.#prefetches.get(group)?.take(calls, at, terms);
    return found !== undefined && this.#ahead ? found : this.#gather(calls, group, at, terms);
  }

  #gather(calls: KindCalls, group: string, at: Reference, terms: Terms): Promise<JsonObject | undefined> {
    return new Promise((resolve) => {
      const waiting = this.#gathering.get(group) ?? [];
      waiting.push({ at, terms, resolve });
      if (waiting.length === 1) {
        this.#gathering.set(group, waiting);
        setTimeout(() => this.#send(calls, group, waiting), gatherMs);
      } else if (waiting.length >= enough) this.#send(calls, group, waiting);
    });
  }

  #send(calls: KindCalls, group: string, waiting: readonly Waiting[]): void {
    if (this.#gathering.get(group) !== waiting) return;
    this.#gathering.delete(group);
    const [first] = waiting;
    if (first === undefined) return;
    const begins = this.#ahead && !this.#prefetches.has(group);
    if (begins) this.#prefetches.set(group, new Prefetch());
    if (waiting.length === 1) first.resolve(getOne(calls, first.at, first.terms));
    else if (begins) for (const { at, terms, resolve } of waiting) resolve(this.read(calls, at, terms));
    else sendBatch(calls, first, waiting);
  }
}

function sendBatch(calls: KindCalls, first: Waiting, waiting: readonly Waiting[]): void {
  const ids = [...new Set(waiting.map(({ at }) => at.id))];
  const batch = calls.batchGet(first.at, ids, first.terms).then(
    (found) => new Map(found.map((resource) => [textOf(resource, "id"), resource])),
    // Where the batch fails each read asks for itself, and gets its own error.
    () => new Map<string, JsonObject>(),
  );
  // What a batch left out is asked for alone, since "gone" makes Terraform create it again.
  for (const { at, terms, resolve } of waiting)
    resolve(batch.then((found) => found.get(at.id) ?? getOne(calls, at, terms)));
}
