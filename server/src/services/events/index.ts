// The EventService: a tenant reads and follows the log of everything that was done or refused. The edge checks the permission at the scope
// that a request names; a request that names none reads every tenant's events, which takes the permission in the whole system.
import { create, isMessage, type Message } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Catalog } from "@photoncloud/proto";
import {
  EventService,
  type ListEventsRequest,
  ListEventsRequestSchema,
  ListEventsResponseSchema,
  type WatchEventsRequest,
  WatchEventsRequestSchema,
  WatchEventsResponseSchema,
} from "@photoncloud/proto/gen/chainfire/v1/event_pb";
import type { Clock } from "../../clock.ts";
import { Fault, invalidField } from "../../fault.ts";
import { type EventQuery, type Store, type StoredEvent, StoreError } from "../../store/store.ts";
import type { Call, ServiceHandlers } from "../call.ts";
import { badCursor } from "../resources/errors.ts";
import { LogTail } from "../resources/log-tail.ts";
import { eventMessage, typesOf } from "./event-message.ts";

export { type AuditEvent, appendAudit } from "./audit.ts";

/** What events tell of beside the catalog's kinds: sessions and second factors, which are no resources. */
const otherKinds: ReadonlySet<string> = new Set(["iam.v1.Session", "iam.v1.Factor"]);

const mostEvents = 1_000;
const defaultPageSize = 100;
/** How often a quiet watcher looks by itself, in milliseconds. */
const idleMs = 15_000;

export interface EventsOptions {
  readonly store: Store;
  readonly catalog: Catalog;
  readonly clock: Clock;
}

type Selection = Omit<ListEventsRequest | WatchEventsRequest, "$typeName" | "cursor">;

/** @throws Fault INVALID_FIELDS for a project without an org, a kind that is none and a time range without time. */
function queryOf(catalog: Catalog, selection: Selection): Omit<EventQuery, "limit"> {
  const { orgId, projectId, kind, resourceId, actor, method } = selection;
  if (orgId === "" && projectId !== "")
    throw invalidField("org_id", "required", "it is missing; give the project's org");
  if (kind !== "" && !otherKinds.has(kind) && catalog.byTypeName(kind) === undefined)
    throw invalidField("kind", "enum", `${JSON.stringify(kind)} is no kind; give a full name such as prismnet.v1.Vpc`);
  const types = typesOf(selection.decision);
  return {
    ...(orgId !== "" && { tenant: { org: orgId, project: projectId } }),
    ...(kind !== "" && { kind }),
    ...(resourceId !== "" && { id: resourceId }),
    ...(actor !== "" && { actor }),
    ...(method !== "" && { method }),
    ...(types && { types }),
    ...timesOf(selection),
  };
}

function timesOf({ startTime, endTime }: Selection): Pick<EventQuery, "since" | "until"> {
  const since = startTime && timestampMs(startTime);
  const until = endTime && timestampMs(endTime);
  if (since !== undefined && until !== undefined && until <= since)
    throw invalidField("end_time", "range", "it is not after start_time");
  return { ...(since !== undefined && { since }), ...(until !== undefined && { until }) };
}

function pageSizeOf(given: number): number {
  if (given < 0 || given > mostEvents)
    throw invalidField("page_size", "range", `${given} was given; 1 to ${mostEvents} is allowed, or leave it out`);
  return given === 0 ? defaultPageSize : given;
}

function toFault(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  if (error.detail.reason === "bad_cursor") return badCursor(error.detail.cursor);
  return new Fault("STORE_UNAVAILABLE", "the store does not answer; try again", { cause: error });
}

/** Bytes of the resources of a page's events: below what gRPC clients take by default, 4 MiB, with their JSON around them. */
const mostPageBytes = 2 * 1024 * 1024;
/** How many events are read at a time, since each may be some hundred kilobytes. */
const atOnce = 100;

/** How many of these fit into so many bytes; one always does. */
function fitting(events: readonly StoredEvent[], bytes: number): number {
  let left = bytes;
  const beyond = events.findIndex(({ resource }) => {
    left -= resource.length;
    return left < 0;
  });
  return beyond < 0 ? events.length : Math.max(beyond, 1);
}

/** A page of events: so many, or fewer where they are large. */
async function readPage(store: Store, after: string, query: Omit<EventQuery, "limit">, size: number) {
  const found: StoredEvent[] = [];
  for (let [cursor, left] = [after, mostPageBytes]; ; ) {
    const limit = Math.min(size - found.length, atOnce);
    const page = await store.events(cursor, { ...query, limit });
    const taken = page.events.slice(0, fitting(page.events, left));
    const last = taken.at(-1);
    found.push(...taken);
    left -= taken.reduce((sum, { resource }) => sum + resource.length, 0);
    if (last !== undefined && taken.length < page.events.length) return { events: found, cursor: last.cursor };
    ({ cursor } = page);
    if (page.events.length < limit || found.length === size || left <= 0) return { events: found, cursor };
  }
}

async function listEvents({ store, catalog }: EventsOptions, request: Message): Promise<Message> {
  if (!isMessage(request, ListEventsRequestSchema)) throw new TypeError(`${request.$typeName} is no ListEventsRequest`);
  const query = queryOf(catalog, request);
  const limit = pageSizeOf(request.pageSize);
  try {
    const { events, cursor } = await readPage(store, request.cursor, query, limit);
    return create(ListEventsResponseSchema, {
      events: events.map((event) => eventMessage(catalog, event, request.orgId === "")),
      nextCursor: cursor,
    });
  } catch (error) {
    throw toFault(error);
  }
}

async function* watchEvents(
  { store, catalog }: EventsOptions,
  tail: LogTail,
  request: Message,
  call: Call,
): AsyncGenerator<Message> {
  if (!isMessage(request, WatchEventsRequestSchema))
    throw new TypeError(`${request.$typeName} is no WatchEventsRequest`);
  const query = queryOf(catalog, request);
  try {
    const from = request.cursor === "" ? await store.head() : request.cursor;
    // Whoever is cut off before the first event goes on here, and whoever waits for an answer knows that the watch has begun.
    yield create(WatchEventsResponseSchema, { cursor: from });
    for await (const { events } of tail.follow(from, query, { idleMs, signal: call.signal }))
      for (const event of events)
        yield create(WatchEventsResponseSchema, { event: eventMessage(catalog, event, request.orgId === "") });
  } catch (error) {
    throw toFault(error);
  }
}

/** Serves chainfire.v1.EventService over a store. */
export function createEvents(options: EventsOptions): ServiceHandlers {
  const tail = new LogTail(options.store, options.clock);
  return {
    service: EventService,
    methods: {
      ListEvents: (request) => listEvents(options, request),
      WatchEvents: (request, call) => watchEvents(options, tail, request, call),
    },
  };
}
