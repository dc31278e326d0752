// The tenant's log of everything that was done or refused.
import { catalog, fieldsOf } from "@photoncloud/proto";
import { follow } from "./follow.ts";
import { messageFromWire } from "./from-wire.ts";
import type { Event, EventDecision } from "./gen/types.ts";
import type { CallOptions } from "./options.ts";
import type { ClientContext } from "./resource-client.ts";
import { isObject, type JsonObject } from "./values.ts";

const service = "chainfire.v1.EventService";

/** Which events; all of what is given must be so. */
export interface EventFilter {
  /** Of one kind alone: "prismnet.v1.Vpc". */
  readonly kind?: string | undefined;
  /** Of one resource alone. */
  readonly resourceId?: string | undefined;
  /** Of one actor alone: "user:acme-corp/ada". */
  readonly actor?: string | undefined;
  readonly decision?: EventDecision | undefined;
  /** Of one method alone: "prismnet.v1.VpcService/CreateVpc". */
  readonly method?: string | undefined;
  /** Not before this time. */
  readonly startTime?: Date | undefined;
  /** Before this time. */
  readonly endTime?: Date | undefined;
}

export interface EventListOptions extends CallOptions, EventFilter {
  /** Events after this cursor. Left out: from the first. */
  readonly cursor?: string | undefined;
  /** Events fetched at a time, at most 1,000. Default 100. */
  readonly pageSize?: number | undefined;
}

export interface EventWatchOptions extends EventFilter {
  /** Events after this cursor. Left out: from now on. */
  readonly cursor?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly org?: string | undefined;
  readonly project?: string | undefined;
}

/** One message of a watch. */
interface Told {
  readonly event: Event | undefined;
  readonly cursor: string;
}

/** A filter on the wire; what is left out is not sent. */
function filterOf({ kind, resourceId, actor, decision, method, startTime, endTime }: EventFilter): JsonObject {
  const given = {
    kind,
    resourceId,
    actor,
    method,
    startTime: startTime?.toISOString(),
    endTime: endTime?.toISOString(),
  };
  const named = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  return { ...Object.fromEntries(named), ...(decision && { decision: `EVENT_DECISION_${decision.toUpperCase()}` }) };
}

/**
 * Reads the log.
 *
 * @example
 * for await (const event of cloud.events.list({ kind: "prismnet.v1.Vpc" })) console.log(event.time, event.actor, event.type);
 */
export class EventClient {
  readonly #context: ClientContext;

  constructor(context: ClientContext) {
    this.#context = context;
  }

  /** Everything up to now, oldest first. */
  async *list(options: EventListOptions = {}): AsyncGenerator<Event> {
    const { pageSize = 100 } = options;
    for (let cursor = options.cursor ?? ""; ; ) {
      const request = { ...this.#tenant(options), ...filterOf(options), pageSize, cursor };
      const method = `${service}/ListEvents`;
      const wire = await this.#context.transport.unary({ ...this.#call(method, request), options });
      const events = Array.isArray(wire.events) ? wire.events : [];
      for (const event of events) yield this.#event(event);
      const next = typeof wire.nextCursor === "string" ? wire.nextCursor : "";
      if (events.length === 0 || next === cursor) return;
      cursor = next;
    }
  }

  /** What happens from a cursor, or from now, on; through broken connections, until the loop is left or the signal aborts. */
  async *watch(options: EventWatchOptions = {}): AsyncGenerator<Event> {
    const { signal } = options;
    const messages = follow({
      open: (cursor) => this.#watchFrom({ ...this.#tenant(options), ...filterOf(options), cursor }, signal),
      cursorOf: ({ event, cursor }) => event?.cursor ?? cursor,
      cursor: options.cursor ?? "",
      timing: this.#context.transport.timing,
      signal,
    });
    for await (const { event } of messages) if (event !== undefined) yield event;
  }

  /** The first message has no event: it tells where the watch begins. */
  async *#watchFrom(request: JsonObject, signal: AbortSignal | undefined): AsyncGenerator<Told> {
    const call = { ...this.#call(`${service}/WatchEvents`, request), options: { signal } };
    for await (const { event, cursor } of this.#context.transport.stream(call))
      yield {
        event: isObject(event) ? this.#event(event) : undefined,
        cursor: typeof cursor === "string" ? cursor : "",
      };
  }

  #call(method: string, request: JsonObject) {
    return { method, request, mutation: false, repeatable: true, open: false };
  }

  #tenant(options: { org?: string | undefined; project?: string | undefined }): JsonObject {
    return { orgId: options.org ?? this.#context.org, projectId: options.project ?? this.#context.project };
  }

  /** The generated type speaks of the same fields. */
  #event(wire: unknown): Event {
    const list = catalog().methods.get(`${service}/ListEvents`);
    const events = list === undefined ? undefined : fieldsOf(list.desc.output).find((field) => field.name === "events");
    const fields = events?.type.type === "list" && events.type.of.type === "message" ? events.type.of.fields : [];
    return messageFromWire(fields, isObject(wire) ? wire : {}) as unknown as Event;
  }
}
