// What a tenant has, asked for page by page as it is wanted: for lists, and for data sources that find many.
import type { KindCalls, Reference } from "../cloud.ts";
import { Deadline } from "../deadline.ts";
import type { JsonObject } from "../json-object.ts";
import { callMs, reading } from "../operation.ts";

/** The cloud's most; a page that is not needed whole is asked for as small as it is needed. */
const largestPage = 1_000;

interface Wanted {
  /** In the cloud's own words; "": all. */
  readonly filter: string;
  /** At most so many; 0: all. */
  readonly limit: number;
  /** As the terms of a call have it; undefined: their default. */
  readonly absentMs: number | undefined;
}

/** In the order of their ids. @throws PhotonError */
export async function* found(
  calls: KindCalls,
  at: Reference,
  { filter, limit, absentMs }: Wanted,
  stop: AbortSignal,
): AsyncGenerator<JsonObject> {
  for (let [token, told, more] = ["", 0, true]; more; more = token !== "" && (limit === 0 || told < limit)) {
    const size = limit === 0 ? largestPage : Math.min(largestPage, limit - told);
    const terms = reading(new Deadline(callMs, stop), absentMs);
    const { items, next } = await calls.page(at, { size, token, filter }, terms);
    yield* items;
    told += items.length;
    token = next;
  }
}
