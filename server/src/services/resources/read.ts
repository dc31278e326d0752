// Get, BatchGet and List.
import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { Kind } from "@photoncloud/proto";
import { Fault } from "../../fault.ts";
import type { ListQuery, ResourceRow, Store, Tenant } from "../../store/store.ts";
import { notFound } from "./errors.ts";
import { nameIn, parseFilter } from "./filter.ts";
import { type Listing, readToken, writeToken } from "./page-token.ts";
import { answerWith, idIn, numberIn, tenantIn, textIn, textsIn } from "./requests.ts";
import { messageOf } from "./rows.ts";
import type { Slice } from "./slices.ts";
import { homesOf, invalid } from "./tenancy.ts";
import { findRow } from "./work.ts";

/** The most ids of a batch and rows of a page. */
export const mostRows = 1_000;
const defaultPageSize = 100;
/** Bytes of the resources of a page: with their JSON around them they stay below what gRPC clients take by default, 4 MiB. */
const mostPageBytes = 2 * 1024 * 1024;
/** Bytes of the resources of a batch, which has no second page. */
const mostBatchBytes = 32 * 1024 * 1024;
/** How many rows are read at a time, since each may be some hundred kilobytes. */
const atOnce = 200;
/** How many rows a filtered page looks at before it answers with what it has and a token to go on. */
const mostScanned = 20_000;

export function shown(slice: Slice, row: ResourceRow): Message {
  return messageOf<DescMessage>(slice, slice.kind.desc, row);
}

/**
 * @param settled Holds the answer back as long as the caller wants it to be; undefined where the resource is gone by then.
 * @throws Fault NOT_FOUND, in the same words for a foreign id as for a missing one.
 */
export async function get(
  store: Store,
  slice: Slice,
  request: Message,
  settled: (row: ResourceRow) => Promise<ResourceRow | undefined>,
): Promise<Message> {
  const id = idIn(request);
  const found = await findRow(store, slice.kind, id, tenantIn(slice.kind, request));
  const row = found && (await settled(found));
  if (row === undefined) throw notFound(slice.kind, id);
  return shown(slice, row);
}

function bytesOf({ data, observed }: ResourceRow): number {
  return data.length + observed.length;
}

/** The rows of these ids, a part at a time. @throws Fault REQUEST_TOO_LARGE */
async function rowsOf(store: Store, kind: Kind, tenants: readonly Tenant[], ids: readonly string[]) {
  const rows: ResourceRow[] = [];
  let bytes = 0;
  for (let from = 0; from < ids.length; from += atOnce) {
    const part = ids.slice(from, from + atOnce);
    const limit = part.length * tenants.length;
    for (const row of await store.list({ tenants, kind: kind.typeName, ids: part, limit })) {
      rows.push(row);
      bytes += bytesOf(row);
    }
    if (bytes > mostBatchBytes)
      throw new Fault(
        "REQUEST_TOO_LARGE",
        `these ${kind.plural} have more than ${mostBatchBytes} bytes together; ask for fewer ids at a time`,
      );
  }
  return rows;
}

/** What is not there is left out; the order is the request's. @throws Fault INVALID_FIELDS, REQUEST_TOO_LARGE */
export async function batchGet(store: Store, slice: Slice, request: Message): Promise<Message> {
  const { kind } = slice;
  const tenants = homesOf(kind, tenantIn(kind, request));
  const ids = [...new Set(textsIn(request, "ids"))];
  if (ids.length > mostRows)
    throw invalid([
      { path: "ids", rule: "size", message: `it has ${ids.length} entries; at most ${mostRows} are allowed` },
    ]);
  const cursor = await store.head();
  const rows = await rowsOf(store, kind, tenants, ids);
  const nearest = new Map<string, ResourceRow>();
  for (const tenant of tenants.toReversed())
    for (const row of rows)
      if (row.tenant.org === tenant.org && row.tenant.project === tenant.project) nearest.set(row.id, row);
  const found = ids.flatMap((id) => nearest.get(id) ?? []).map((row) => shown(slice, row));
  return answerWith(kind, kind.standard.batchGet.desc.output, found, { cursor });
}

/** @throws Fault INVALID_FIELDS */
function pageSizeIn(request: Message): number {
  const given = numberIn(request, "pageSize");
  if (given < 0 || given > mostRows)
    throw invalid([
      { path: "page_size", rule: "range", message: `${given} was given; 1 to ${mostRows} is allowed, or leave it out` },
    ]);
  return given === 0 ? defaultPageSize : given;
}

/** A page, and where the next one begins. */
interface Page {
  readonly messages: readonly Message[];
  readonly last: ResourceRow | undefined;
}

async function readPage(store: Store, slice: Slice, query: ListQuery, size: number, filterText: string): Promise<Page> {
  const filter = parseFilter(slice.kind.fields, filterText);
  const name = nameIn(filterText);
  const messages: Message[] = [];
  let after = query.after;
  let bytes = 0;
  for (let scanned = 0; scanned < mostScanned; ) {
    // One more than asked for tells whether there is another page.
    const limit = Math.min(filter === undefined ? size + 1 - messages.length : mostRows, atOnce);
    const rows = await store.list({ ...query, limit, ...(after && { after }), ...(name !== undefined && { name }) });
    for (const row of rows) {
      const full = messages.length === size || (messages.length > 0 && bytes + bytesOf(row) > mostPageBytes);
      if (full) return { messages, last: lastOf(after, rows, row) };
      const message = shown(slice, row);
      if (filter === undefined || filter(message)) {
        messages.push(message);
        bytes += bytesOf(row);
      }
      after = { id: row.id, tenant: row.tenant };
    }
    if (rows.length < limit) return { messages, last: undefined };
    scanned += rows.length;
    if (scanned >= mostScanned) return { messages, last: rows.at(-1) };
  }
  return { messages, last: undefined };
}

/** The row before one of a page: where the next page goes on after. */
function lastOf(after: ListQuery["after"], rows: readonly ResourceRow[], row: ResourceRow): ResourceRow | undefined {
  const before = rows[rows.indexOf(row) - 1];
  return before ?? (after && { ...row, id: after.id, tenant: after.tenant });
}

export async function list(store: Store, slice: Slice, request: Message): Promise<Message> {
  const { kind } = slice;
  const tenant: Tenant = tenantIn(kind, request);
  const size = pageSizeIn(request);
  const listing: Listing = { kind: kind.typeName, tenant, filter: textIn(request, "filter") };
  const token = textIn(request, "pageToken");
  const position = token === "" ? undefined : readToken(listing, token);
  const cursor = position?.cursor ?? (await store.head());
  const query: ListQuery = {
    tenants: homesOf(kind, tenant),
    kind: kind.typeName,
    limit: size,
    ...(position && { after: position }),
  };
  const { messages, last } = await readPage(store, slice, query, size, listing.filter);
  const nextPageToken = last === undefined ? "" : writeToken(listing, { id: last.id, tenant: last.tenant, cursor });
  return answerWith(kind, kind.standard.list.desc.output, messages, { nextPageToken, cursor });
}
