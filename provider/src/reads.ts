// Joins the reads that come at the same time into one BatchGet for each kind and tenant: Terraform reads ten at a time.
import type { KindCalls, Reference, Terms } from "./cloud.ts";
import { isNotFound } from "./diagnostics.ts";
import { type JsonObject, textOf } from "./json-object.ts";

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

/** Reads of one provider process. */
export class Reads {
  readonly #gathering = new Map<string, Waiting[]>();

  /** The resource, or undefined where there is none. */
  read(calls: KindCalls, at: Reference, terms: Terms): Promise<JsonObject | undefined> {
    // Orgs and projects are scopes: whoever reads one needs the permission there, not in the tenant around it.
    if (calls.kind.isScope !== 0) return getOne(calls, at, terms);
    const group = JSON.stringify([calls.kind.typeName, at.org, at.project]);
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
    if (waiting.length === 1) {
      first.resolve(getOne(calls, first.at, first.terms));
      return;
    }
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
}
