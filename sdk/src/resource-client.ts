// The client of one kind: the same class for all of them, driven by the catalog.
import { camelCase, type Field, fieldsOf, type Kind, type Method, Scope, type StandardVerb } from "@photoncloud/proto";
import { type Filter, filterText } from "./filter.ts";
import { follow } from "./follow.ts";
import { messageFromWire, valueFromWire } from "./from-wire.ts";
import type { PlannedChange } from "./gen/types.ts";
import type { CallOptions } from "./options.ts";
import { type Page, Pages } from "./pages.ts";
import { messageToWire } from "./to-wire.ts";
import type { Transport } from "./transport.ts";
import { maskPaths } from "./update-mask.ts";
import { isObject, type JsonObject } from "./values.ts";
import { type Progress, untilGone, untilReady, type WaitOptions } from "./wait.ts";

/** Where calls go, and for which tenant where they name none. */
export interface ClientContext {
  readonly transport: Transport;
  readonly org: string;
  readonly project: string;
}

export interface ListOptions extends CallOptions {
  /** `{ name: "web" }`, or a filter's text: `name = "web" AND vpc_id = "vpc-…"`. */
  readonly filter?: string | Filter | undefined;
  /** At most 1,000. Default 100. */
  readonly pageSize?: number | undefined;
}

export interface UpdateOptions extends CallOptions {
  /** Refuses the update (aborted, STALE_ETAG) when the resource has changed since this etag was read. */
  readonly etag?: string | undefined;
}

export interface WatchOptions {
  /** One resource alone. */
  readonly id?: string | undefined;
  /** Everything after this cursor. Left out: first all that is there now, then what changes. */
  readonly cursor?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly org?: string | undefined;
  readonly project?: string | undefined;
}

/** What a watch tells: a change of a resource, or (a bookmark) that everything up to the cursor was told. */
export type WatchEvent<T> =
  | {
      readonly change: "existing" | "created" | "updated" | "observed" | "deleted";
      readonly resource: T;
      readonly cursor: string;
    }
  | { readonly change: "bookmark"; readonly cursor: string };

/** What a create or an update would do. */
export interface Planned<T> {
  /** The resource as it would be; what is drawn only later is left out. */
  readonly resource: { readonly [K in keyof T]?: T[K] | undefined };
  readonly changes: readonly PlannedChange[];
}

export interface PlanOptions extends CallOptions {
  /** Paths, in the proto's names, whose value is not known yet: they are not checked. */
  readonly unknownPaths?: readonly string[] | undefined;
}

/** How many ids one BatchGet takes. */
const batchSize = 1000;

function isId<I extends string>(target: unknown): target is I {
  return typeof target === "string";
}

function textOf(wire: unknown): string {
  return typeof wire === "string" ? wire : "";
}

/**
 * The client of one kind. Every method answers plain objects and throws PhotonError.
 *
 * @example
 * const vpc = await cloud.vpcs.create({ name: "main", cidr: "10.0.0.0/16" });
 * await cloud.vpcs.waitUntilReady(vpc.id);
 * await cloud.vpcs.update(vpc.id, { labels: { team: "web" } }, { etag: vpc.etag });
 * await cloud.vpcs.delete(vpc.id);
 * await cloud.vpcs.waitUntilGone(vpc.id);
 */
export class ResourceClient<T extends Progress, Create, Update, I extends string> {
  readonly #kind: Kind;
  readonly #context: ClientContext;

  constructor(kind: Kind, context: ClientContext) {
    this.#kind = kind;
    this.#context = context;
  }

  /** Creates one. It may still be in the making when this answers: see `waitUntilReady`, or give `waitMs`. */
  async create(input: Create, options: CallOptions = {}): Promise<T> {
    const resource = messageToWire(this.#kind.fields, input);
    return this.#answer(await this.#call("create", { ...this.#tenant(options), ...resource }, options));
  }

  /** Reads one. @throws PhotonError not_found */
  async get(id: I, options: CallOptions = {}): Promise<T> {
    return this.#answer(await this.#call("get", { ...this.#tenant(options), id }, options));
  }

  /** Reads many; those that do not exist are left out. */
  async batchGet(ids: readonly I[], options: CallOptions = {}): Promise<T[]> {
    const found: T[] = [];
    for (let start = 0; start < ids.length; start += batchSize) {
      const request = { ...this.#tenant(options), ids: ids.slice(start, start + batchSize) };
      found.push(...this.#answers(await this.#call("batchGet", request, options)));
    }
    return found;
  }

  /** Lists them in the order of their ids, which is the order of their making where ids are drawn. */
  list(options: ListOptions = {}): Pages<T> {
    return new Pages((pageToken) => this.#page(pageToken, options));
  }

  /** Changes what is given and nothing else: messages are entered, lists and maps replaced; null clears a field. */
  async update(id: I, changes: Update, options: UpdateOptions = {}): Promise<T> {
    const request = {
      ...this.#change(id, changes, options),
      ...(options.etag === undefined ? {} : { etag: options.etag }),
    };
    return this.#answer(await this.#call("update", request, options));
  }

  /** Deletes one. It may still be in removal when this answers: see `waitUntilGone`. @throws PhotonError not_found */
  async delete(id: I, options: UpdateOptions = {}): Promise<T> {
    const etag = options.etag === undefined ? {} : { etag: options.etag };
    return this.#answer(await this.#call("delete", { ...this.#tenant(options), id, ...etag }, options));
  }

  /**
   * Tells what is there and what changes, through broken connections, without a gap, until the loop is left or the signal aborts.
   *
   * @example
   * for await (const event of cloud.vms.watch({ signal }))
   *   if (event.change !== "bookmark") console.log(event.change, event.resource.name, event.resource.state);
   */
  watch(options: WatchOptions = {}): AsyncGenerator<WatchEvent<T>> {
    const { signal } = options;
    return follow({
      open: (cursor) => this.#watchFrom(cursor, options),
      cursorOf: (event) => event.cursor,
      cursor: options.cursor ?? "",
      timing: this.#context.transport.timing,
      signal,
    });
  }

  /** Waits until it is as asked for. @throws PhotonError failed_precondition when it stays failed, deadline_exceeded. */
  waitUntilReady(id: I, options: WaitOptions = {}): Promise<T> {
    return untilReady(this.#waiting(id, options));
  }

  /** Waits until it is gone; at once where it does not exist. @throws PhotonError deadline_exceeded */
  waitUntilGone(id: I, options: WaitOptions = {}): Promise<void> {
    return untilGone(this.#waiting(id, options));
  }

  /** Checks a creation, or a change of the resource `id`, as the real call would, and stores nothing. */
  plan(create: Create, options?: PlanOptions): Promise<Planned<T>>;
  plan(id: I, changes: Update, options?: PlanOptions): Promise<Planned<T>>;
  async plan(target: Create | I, second?: Update | PlanOptions, third?: PlanOptions): Promise<Planned<T>> {
    const options = ((isId<I>(target) ? third : second) ?? {}) as PlanOptions;
    const request = isId<I>(target)
      ? this.#change(target, second, options)
      : { ...this.#tenant(options), [camelCase(this.#kind.noun)]: messageToWire(this.#kind.fields, target) };
    const wire = await this.#call("plan", { ...request, unknownPaths: [...(options.unknownPaths ?? [])] }, options);
    const changesField = fieldsOf(this.#kind.standard.plan.desc.output).find((field) => field.localName === "changes");
    return {
      resource: this.#message(wire[camelCase(this.#kind.noun)], true) as Planned<T>["resource"],
      changes: (changesField === undefined ? [] : valueFromWire(changesField.type, wire.changes)) as PlannedChange[],
    };
  }

  /** Calls a method beside the standard ones. */
  protected async custom(method: Method, id: I, input: unknown, options: CallOptions): Promise<unknown> {
    const given = input === undefined ? {} : messageToWire(fieldsOf(method.desc.input), input);
    const mutation = !this.#kind.queries.includes(method);
    const wire = await this.#send(method, { ...this.#tenant(options), ...given, id }, mutation, options);
    return messageFromWire(fieldsOf(method.desc.output), wire);
  }

  #tenant(options: { org?: string | undefined; project?: string | undefined }): JsonObject {
    const { scope } = this.#kind;
    const org = options.org ?? this.#context.org;
    const project = options.project ?? this.#context.project;
    if (scope === Scope.SYSTEM) return {};
    return scope === Scope.ORG || org === "" ? { orgId: org } : { orgId: org, projectId: project };
  }

  #change(id: I, changes: unknown, options: CallOptions): JsonObject {
    const given = isObject(changes) ? changes : {};
    const resource = messageToWire(this.#kind.fields, given, "", { update: true });
    const updateMask = maskPaths(this.#kind.fields, given).join(",");
    return { ...this.#tenant(options), id, [camelCase(this.#kind.noun)]: resource, updateMask };
  }

  #call(verb: Exclude<StandardVerb, "watch">, request: JsonObject, options: CallOptions): Promise<JsonObject> {
    const mutation = verb === "create" || verb === "update" || verb === "delete";
    return this.#send(this.#kind.standard[verb], request, mutation, options);
  }

  #send(method: Method, request: JsonObject, mutation: boolean, options: CallOptions): Promise<JsonObject> {
    const name = `${method.desc.parent.typeName}/${method.desc.name}`;
    return this.#context.transport.unary({ method: name, request, mutation, repeatable: true, open: false, options });
  }

  #message(wire: unknown, sparse = false): Record<string, unknown> {
    return messageFromWire(this.#kind.fields, isObject(wire) ? wire : {}, { sparse });
  }

  /** The answers' types are generated from the same catalog that `messageFromWire` reads: this is where the two meet. */
  #answer(wire: unknown): T {
    return this.#message(wire) as unknown as T;
  }

  #answers(wire: JsonObject): T[] {
    const items = wire[camelCase(this.#kind.plural)];
    return Array.isArray(items) ? items.map((item) => this.#answer(item)) : [];
  }

  async #page(pageToken: string, options: ListOptions): Promise<Page<T>> {
    const { filter, pageSize } = options;
    const size = pageSize === undefined ? {} : { pageSize };
    const request = { ...this.#tenant(options), ...size, pageToken, filter: filterText(filter) };
    const wire = await this.#call("list", request, options);
    return { items: this.#answers(wire), nextPageToken: textOf(wire.nextPageToken), cursor: textOf(wire.cursor) };
  }

  async *#watchFrom(cursor: string, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    const { desc } = this.#kind.standard.watch;
    const method = `${desc.parent.typeName}/${desc.name}`;
    const request = { ...this.#tenant(options), id: options.id ?? "", cursor };
    const call = {
      method,
      request,
      mutation: false,
      repeatable: true,
      open: false,
      options: { signal: options.signal },
    };
    const changeField = fieldsOf(desc.output).find((field) => field.localName === "change");
    for await (const wire of this.#context.transport.stream(call)) yield this.#event(wire, changeField);
  }

  #event(wire: JsonObject, changeField: Field | undefined): WatchEvent<T> {
    const change = changeField === undefined ? "" : valueFromWire(changeField.type, wire.change);
    const cursor = textOf(wire.cursor);
    switch (change) {
      case "existing":
      case "created":
      case "updated":
      case "observed":
      case "deleted":
        return { change, resource: this.#answer(wire[camelCase(this.#kind.noun)]), cursor };
      default:
        return { change: "bookmark", cursor };
    }
  }

  #waiting(id: I, options: WaitOptions) {
    const { org, project } = options;
    return {
      what: `${this.#kind.noun.replaceAll("_", " ")} ${id}`,
      options,
      timing: this.#context.transport.timing,
      get: (signal: AbortSignal) => this.get(id, { signal, org, project }),
      watch: (signal: AbortSignal) => this.watch({ id, signal, org, project }),
    };
  }
}
