// Watches: all that is there, then what changes, from the event log.
import { fromBinary, type Message } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Change } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import {
  type EventType,
  type ListQuery,
  type Store,
  type StoredEvent,
  StoreError,
  type Tenant,
} from "../../store/store.ts";
import type { Call } from "../call.ts";
import { toFault } from "./errors.ts";
import type { LogTail } from "./log-tail.ts";
import { mostRows, shown } from "./read.ts";
import { answerWith, tenantIn, textIn } from "./requests.ts";
import { etagOf } from "./rows.ts";
import type { Slice, Slices } from "./slices.ts";
import { homesOf, sameTenant } from "./tenancy.ts";

/** A bookmark tells a quiet watcher that the stream lives, and how far it has seen. In milliseconds; below the idle limits of common proxies. */
export const bookmarkMs = 15_000;

const changes: Partial<Record<EventType, Change>> = {
  created: Change.CREATED,
  updated: Change.UPDATED,
  deleting: Change.UPDATED,
  observed: Change.OBSERVED,
  deleted: Change.DELETED,
};

/** The resource after an event, as it would have been answered then. */
export function messageOfEvent(slice: Slice, event: StoredEvent): Message {
  const message = fromBinary(slice.kind.desc, event.resource);
  const created: unknown = Reflect.get(message, "createTime");
  const createdAt = isTimestamp(created)
    ? Number(created.seconds) * 1000 + Math.floor(created.nanos / 1_000_000)
    : event.time;
  Reflect.set(message, "etag", etagOf({ version: event.version, createdAt }));
  if (Reflect.get(message, "updateTime") === undefined) Reflect.set(message, "updateTime", timestampFromMs(event.time));
  return message;
}

function isTimestamp(value: unknown): value is { seconds: bigint; nanos: number } {
  return typeof value === "object" && value !== null && "seconds" in value && "nanos" in value;
}

interface Watch {
  readonly store: Store;
  readonly slice: Slice;
  readonly tenants: readonly Tenant[];
  /** "" for all. */
  readonly id: string;
  readonly signal: AbortSignal;
}

function change(slice: Slice, what: Change, cursor: string, message?: Message): Message {
  const desc = slice.kind.standard.watch.desc.output;
  return answerWith(slice.kind, desc, message, { change: what, cursor });
}

/** All that is there. Its messages have no cursor: who breaks off in the middle begins anew. */
async function* existing({ store, slice, tenants, id, signal }: Watch): AsyncGenerator<Message> {
  let query: ListQuery = { tenants, kind: slice.kind.typeName, limit: mostRows, ...(id !== "" && { ids: [id] }) };
  while (!signal.aborted) {
    const rows = await store.list(query);
    for (const row of rows) yield change(slice, Change.EXISTING, "", shown(slice, row));
    const last = rows.at(-1);
    if (last === undefined || rows.length < mostRows) return;
    query = { ...query, after: { id: last.id, tenant: last.tenant } };
  }
}

/** What happened after a cursor, and a bookmark when nothing did for a while. */
async function* following(watch: Watch, tail: LogTail, from: string): AsyncGenerator<Message> {
  const { slice, tenants, id, signal } = watch;
  const [only] = tenants;
  const scope = tenants.length === 1 && only !== undefined ? { tenant: only } : {};
  const query = { ...scope, kind: slice.kind.typeName, ...(id !== "" && { id }) };
  for await (const { events, cursor } of tail.follow(from, query, { idleMs: bookmarkMs, signal })) {
    for (const event of events) {
      const what = changes[event.type];
      if (what === undefined || !tenants.some((tenant) => sameTenant(tenant, event.tenant))) continue;
      yield change(slice, what, event.cursor, messageOfEvent(slice, event));
    }
    if (events.length === 0) yield change(slice, Change.BOOKMARK, cursor);
  }
}

/** @throws Fault BAD_CURSOR */
export async function* watch(
  store: Store,
  slices: Slices,
  tail: LogTail,
  slice: Slice,
  request: Message,
  call: Call,
): AsyncGenerator<Message> {
  const tenants = homesOf(slice.kind, tenantIn(slice.kind, request));
  const watching: Watch = { store, slice, tenants, id: textIn(request, "id"), signal: call.signal };
  const given = textIn(request, "cursor");
  try {
    const from = given === "" ? await store.head() : given;
    if (given === "") yield* existing(watching);
    if (given === "") yield change(slice, Change.BOOKMARK, from);
    yield* following(watching, tail, from);
  } catch (error) {
    if (error instanceof StoreError && error.detail.reason === "closed" && call.signal.aborted) return;
    throw toFault(slices, error);
  }
}
