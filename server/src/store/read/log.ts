// Reads the event log in order. How a place in the log is written down differs by database (see sqlite/log.ts and postgres/log.ts).
import type { SelectQueryBuilder } from "kysely";
import { type Builder, built, type Tables } from "../sql/builder.ts";
import { bytes, integer, resourceKey, text } from "../sql/row.ts";
import type { Row, Script } from "../sql/script.ts";
import type { EventQuery, EventType, StoredEvent } from "../store.ts";

export type EventSelect = SelectQueryBuilder<Tables, "events", Record<string, unknown>>;

/** How one database orders its log. */
export interface LogOrder<Place> {
  readonly builder: Builder;
  /** The place of a cursor; "" is the beginning. @throws StoreError bad_cursor */
  parse(cursor: string): Place;
  format(place: Place): string;
  /** Where an event stands. */
  placeOf(row: Row): Place;
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
  const end = yield* order.end();
  if (order.reached(from, end) || query.limit <= 0) return { events: [], cursor: order.format(from) };
  const selected = order.builder.selectFrom("events").selectAll().$castTo<Record<string, unknown>>();
  const rows = yield* built(filtered(order.between(selected, from, end), query).limit(query.limit));
  const events = rows.map((row) => storedEvent(row, order.format(order.placeOf(row))));
  const last = events.at(-1);
  return { events, cursor: last && events.length === query.limit ? last.cursor : order.format(end) };
}

function filtered(select: EventSelect, query: EventQuery): EventSelect {
  const { tenant, kind, id, types, actor, method, since, until } = query;
  let narrowed = select;
  if (tenant) narrowed = narrowed.where("org", "=", tenant.org);
  if (tenant && tenant.project !== "") narrowed = narrowed.where("project", "=", tenant.project);
  if (kind !== undefined) narrowed = narrowed.where("kind", "=", kind);
  if (id !== undefined) narrowed = narrowed.where("id", "=", id);
  if (types) narrowed = narrowed.where("type", "in", types);
  if (actor !== undefined) narrowed = narrowed.where("actor", "=", actor);
  if (method !== undefined) narrowed = narrowed.where("method", "=", method);
  if (since !== undefined) narrowed = narrowed.where("time", ">=", since);
  if (until !== undefined) narrowed = narrowed.where("time", "<", until);
  return narrowed;
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
