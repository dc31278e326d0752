// Reads the event log in order. How a place in the log is written down differs by database (see sqlite/log.ts and postgres/log.ts).
import { type SelectQueryBuilder, sql } from "kysely";
import { refusedCondition } from "../migrations/0003-event-indexes.ts";
import { type Builder, built, type Tables } from "../sql/builder.ts";
import { bytes, integer, resourceKey, text } from "../sql/row.ts";
import type { Row, Script } from "../sql/script.ts";
import type { EventQuery, EventType, StoredEvent } from "../store.ts";

/**
 * How far events' times may be out of the log's order, in milliseconds: servers' clocks differ a little, and one may be set back. What is asked
 * for by time is looked for in so much more of the log on either side.
 */
const skewMs = 3_600_000;

export type EventSelect = SelectQueryBuilder<Tables, "events", Record<string, unknown>>;

/** How one database orders its log. */
export interface LogOrder<Place> {
  readonly builder: Builder;
  /** The place of a cursor; "" is the beginning. @throws StoreError bad_cursor */
  parse(cursor: string): Place;
  format(place: Place): string;
  /** Where an event stands. */
  placeOf(row: Row): Place;
  /** Of a stretch that begins with what stands at a place, the `after`; of one that ends with it, the `end`. */
  beginAt(place: Place): Place;
  endAt(place: Place): Place;
  isBefore(one: Place, other: Place): boolean;
  /** The place up to which nothing can be added any more. */
  end(): Script<Place>;
  /** True if nothing lies between the two. */
  reached(place: Place, end: Place): boolean;
  /** Events after one place and up to another, in order. */
  between(select: EventSelect, after: Place, end: Place): EventSelect;
}

export interface EventPage {
  readonly events: readonly StoredEvent[];
  readonly cursor: string;
}

export function* readEvents<Place>(order: LogOrder<Place>, after: string, query: EventQuery): Script<EventPage> {
  const from = order.parse(after);
  const last = yield* order.end();
  if (order.reached(from, last) || query.limit <= 0) return { events: [], cursor: order.format(from) };
  const stretch = yield* stretchOf(order, query, from, last);
  if (stretch === undefined) return { events: [], cursor: order.format(last) };
  const selected = order.builder.selectFrom("events").selectAll().$castTo<Record<string, unknown>>();
  const rows = yield* built(filtered(order.between(selected, stretch.after, stretch.end), query).limit(query.limit));
  const events = rows.map((row) => storedEvent(row, order.format(order.placeOf(row))));
  const found = events.at(-1);
  return { events, cursor: found && events.length === query.limit ? found.cursor : order.format(last) };
}

/** The part of the log in which events of the query's time stand; undefined: there is none. */
function* stretchOf<Place>(order: LogOrder<Place>, { since, until }: EventQuery, from: Place, last: Place) {
  let [after, end] = [from, last];
  if (since !== undefined) {
    const first = yield* placeBy(order, (select) => select.where("time", ">=", since - skewMs).orderBy("time", "asc"));
    if (first === undefined) return undefined;
    const begin = order.beginAt(first);
    if (order.isBefore(after, begin)) after = begin;
  }
  if (until !== undefined) {
    const final = yield* placeBy(order, (select) => select.where("time", "<", until + skewMs).orderBy("time", "desc"));
    if (final === undefined) return undefined;
    const close = order.endAt(final);
    if (order.isBefore(close, end)) end = close;
  }
  return { after, end };
}

function* placeBy<Place>(
  order: LogOrder<Place>,
  narrow: (select: EventSelect) => EventSelect,
): Script<Place | undefined> {
  const selected = order.builder.selectFrom("events").selectAll().$castTo<Record<string, unknown>>();
  const [row] = yield* built(narrow(selected).limit(1));
  return row && order.placeOf(row);
}

function filtered(select: EventSelect, query: EventQuery): EventSelect {
  const { tenant, kind, kinds, id, types, actor, method, since, until } = query;
  let narrowed = select;
  if (tenant) narrowed = narrowed.where("org", "=", tenant.org);
  if (tenant && tenant.project !== "") narrowed = narrowed.where("project", "=", tenant.project);
  if (kind !== undefined) narrowed = narrowed.where("kind", "=", kind);
  if (kinds !== undefined) narrowed = narrowed.where("kind", "in", kinds);
  if (id !== undefined) narrowed = narrowed.where("id", "=", id);
  if (types)
    narrowed = isRefused(types)
      ? narrowed.where(sql<boolean>`${sql.raw(refusedCondition)}`)
      : narrowed.where("type", "in", types);
  if (actor !== undefined) narrowed = narrowed.where("actor", "=", actor);
  if (method !== undefined) narrowed = narrowed.where("method", "=", method);
  if (since !== undefined) narrowed = narrowed.where("time", ">=", since);
  if (until !== undefined) narrowed = narrowed.where("time", "<", until);
  return narrowed;
}

/** Written as the indexes of refusals have it: no planner sees through a parameter. */
function isRefused(types: readonly EventType[]): boolean {
  return types.length === 2 && types.includes("denied") && types.includes("login_failed");
}

function storedEvent(row: Row, cursor: string): StoredEvent {
  return {
    cursor,
    time: integer(row, "time"),
    type: eventType(row),
    ...resourceKey(row),
    version: integer(row, "version"),
    actor: text(row, "actor"),
    sourceIp: text(row, "source_ip"),
    requestId: text(row, "request_id"),
    method: text(row, "method"),
    permission: text(row, "permission"),
    sessionId: text(row, "session_id"),
    credential: text(row, "credential"),
    decidedBy: text(row, "decided_by"),
    times: integer(row, "times"),
    resource: bytes(row, "resource"),
  };
}

const eventTypes: Readonly<Record<EventType, true>> = {
  created: true,
  updated: true,
  deleting: true,
  deleted: true,
  observed: true,
  denied: true,
  login: true,
  login_failed: true,
  revoked: true,
  refreshed: true,
  accessed: true,
};

function isEventType(value: string): value is EventType {
  return Object.hasOwn(eventTypes, value);
}

function eventType(row: Row): EventType {
  const value = text(row, "type");
  if (isEventType(value)) return value;
  throw new TypeError(`the log holds an event of the unknown type ${JSON.stringify(value)}`);
}
