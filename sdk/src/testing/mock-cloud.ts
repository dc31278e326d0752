// A cloud for unit tests: every kind's create, get, batchGet, list, update and delete over a map in memory.
// It checks each field by its own rules, names and etags. It knows no rule between resources, draws no addresses, and runs
// nothing: everything is ready at once. For those use the real server in memory (`@photoncloud/server/testing`).
import { fromJson } from "@bufbuild/protobuf";
import { camelCase, catalog, type Kind, type StandardVerb, standardVerbs, validate } from "@photoncloud/proto";
import { PhotonError } from "../errors.ts";
import { messageFromWire } from "../from-wire.ts";
import { isObject, type Json, type JsonObject } from "../values.ts";
import {
  type AnswerOf,
  errorReply,
  type KindName,
  kindNamed,
  type Reply,
  tokenReply,
  wireResource,
} from "./replies.ts";

type Verb = Exclude<StandardVerb, "watch" | "plan">;

/** One kind's resources by id, as they stand on the wire. */
type Shelf = Map<string, JsonObject>;

const reads = new Set<string>(["get", "batchGet", "list"]);

function fault(code: PhotonError["code"], reason: string, message: string): PhotonError {
  return new PhotonError(code, message, { reason });
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function valueAt(resource: JsonObject, path: string): Json | undefined {
  let value: Json | undefined = resource;
  for (const key of path.split(".")) value = isObject(value) ? (value as JsonObject)[key] : undefined;
  return value;
}

/** Sets or clears what the mask's path names. */
function assign(target: JsonObject, changes: JsonObject, path: string): void {
  const [head = "", ...rest] = path.split(".");
  const value = changes[head];
  if (rest.length === 0) {
    if (value === undefined) delete target[head];
    else target[head] = value;
    return;
  }
  const inner: JsonObject = { ...(isObject(target[head]) ? (target[head] as JsonObject) : {}) };
  assign(inner, isObject(value) ? (value as JsonObject) : {}, rest.join("."));
  target[head] = inner;
}

function snakeToCamel(path: string): string {
  return path.split(".").map(camelCase).join(".");
}

/** name = "web" AND vpc_id = "vpc-1" */
function matches(resource: JsonObject, filter: string): boolean {
  const terms = filter === "" ? [] : filter.split(" AND ");
  return terms.every((term) => {
    const [, path = "", value = ""] = /^\s*([\w.]+)\s*=\s*(".*")\s*$/.exec(term) ?? [];
    if (path === "") throw fault("invalid_argument", "BAD_FILTER", `the mock does not understand ${term}`);
    return String(valueAt(resource, snakeToCamel(path)) ?? "") === JSON.parse(value);
  });
}

/** Refuses what breaks a field's own rules. */
function check(kind: Kind, resource: JsonObject): void {
  const violations = validate(kind.fields, fromJson(kind.desc, resource, { ignoreUnknownFields: true }));
  const [first] = violations;
  if (first === undefined) return;
  throw new PhotonError("invalid_argument", `${first.path}: ${first.message}`, {
    reason: "INVALID_FIELDS",
    violations,
  });
}

/**
 * A cloud in memory, for msw and for nock.
 *
 * @example
 * const mock = mockCloud("http://cloud.test");
 * const server = setupServer(...mock.handlers(http)); // http from msw
 * nock("http://cloud.test").persist().post(/.+/).reply(mock.nockReply);
 */
export class MockCloud {
  readonly endpoint: string;
  readonly #shelves = new Map<string, Shelf>();
  readonly #failures: { readonly method: string; readonly error: PhotonError }[] = [];
  #drawn = 0;

  constructor(endpoint: string) {
    this.endpoint = endpoint;
  }

  /** Puts a resource there as if it had been created. Answers it. */
  put<Name extends KindName>(name: Name, resource: Partial<AnswerOf<Name>>): AnswerOf<Name> {
    const kind = kindNamed(name);
    const wire = wireResource(kind, { id: this.#draw(kind), ...resource });
    this.#shelf(kind).set(text(wire.id), wire);
    return this.#shown(kind, wire);
  }

  /** What is there of a kind, in the order of its making. */
  all<Name extends KindName>(name: Name): AnswerOf<Name>[] {
    const kind = kindNamed(name);
    return [...this.#shelf(kind).values()].map((wire) => this.#shown<Name>(kind, wire));
  }

  /** Makes the next call of a method fail: `failNext("CreateVm", new PhotonError("unavailable", "…"))`. */
  failNext(method: string, error: PhotonError): void {
    this.#failures.push({ method, error });
  }

  /** Forgets everything. */
  reset(): void {
    this.#shelves.clear();
    this.#failures.length = 0;
  }

  /** Answers one call; `path` is /{service}/{method}. */
  reply(path: string, request: JsonObject): Reply {
    try {
      return this.#answer(path.replace(/^.*\/([\w.]+\/\w+)$/, "$1"), request);
    } catch (error) {
      if (error instanceof PhotonError) return errorReply(error.code, error.message, error);
      throw error;
    }
  }

  /** For nock: `.post(/.+/).reply(mock.nockReply)`. It takes nock's Request (15.0.6 and newer) or path and body (older). */
  readonly nockReply = async (...[first, second]: unknown[]): Promise<[number, JsonObject, Record<string, string>]> => {
    const isRequest = first instanceof Request;
    const body: unknown = isRequest ? await first.json() : second;
    const path = isRequest ? new URL(first.url).pathname : String(first);
    return [...this.reply(path, isObject(body) ? (body as JsonObject) : {})];
  };

  /** For msw: `setupServer(...mock.handlers(http))`, with `http` from msw. */
  handlers<Handler>(http: {
    post(path: string, resolver: (info: { request: Request }) => Promise<Response>): Handler;
  }): Handler[] {
    return [
      http.post(`${this.endpoint}/*`, async ({ request }) => {
        const body: unknown = await request.json();
        const [status, answer, headers] = this.reply(
          new URL(request.url).pathname,
          isObject(body) ? (body as JsonObject) : {},
        );
        return Response.json(answer, { status, headers });
      }),
    ];
  }

  #answer(method: string, request: JsonObject): Reply {
    const name = method.slice(method.indexOf("/") + 1);
    const index = this.#failures.findIndex((failure) => failure.method === name || failure.method === method);
    const [failure] = index < 0 ? [] : this.#failures.splice(index, 1);
    if (failure !== undefined) throw failure.error;
    if (method === "iam.v1.IamTokenService/IssueToken") return tokenReply();
    for (const kind of catalog().kinds)
      for (const verb of standardVerbs)
        if (
          verb !== "watch" &&
          verb !== "plan" &&
          method === `${kind.service.typeName}/${kind.standard[verb].desc.name}`
        )
          return [200, this.#standard(kind, verb, request), { "content-type": "application/json" }];
    throw fault(
      "unimplemented",
      "UNIMPLEMENTED",
      `the mock does not answer ${method}: answer it with a handler of your own`,
    );
  }

  #standard(kind: Kind, verb: Verb, request: JsonObject): JsonObject {
    if (reads.has(verb) && verb !== "get") return this.#many(kind, verb, request);
    if (verb === "create") return this.#create(kind, request);
    const found = this.#found(kind, request);
    if (verb === "get") return found;
    if (text(request.etag) !== "" && request.etag !== found.etag)
      throw fault("aborted", "STALE_ETAG", `${text(found.id)} has changed since etag ${text(request.etag)}`);
    if (verb === "delete") this.#shelf(kind).delete(text(found.id));
    return verb === "delete" ? { ...found, status: { state: "STATE_DELETING" } } : this.#update(kind, found, request);
  }

  #many(kind: Kind, verb: Verb, request: JsonObject): JsonObject {
    const ids = Array.isArray(request.ids) ? request.ids : [];
    const all = [...this.#shelf(kind).values()].filter((resource) => this.#inTenant(kind, resource, request));
    const chosen = all.filter((resource) =>
      verb === "batchGet" ? ids.includes(text(resource.id)) : matches(resource, text(request.filter)),
    );
    const start = Number(text(request.pageToken) || 0);
    const size = verb === "batchGet" ? chosen.length : Number(request.pageSize ?? 0) || 100;
    const next = start + size < chosen.length ? String(start + size) : "";
    return { [camelCase(kind.plural)]: chosen.slice(start, start + size), nextPageToken: next, cursor: "" };
  }

  #create(kind: Kind, request: JsonObject): JsonObject {
    check(kind, request);
    const id = kind.chosenId && text(request.id) !== "" ? text(request.id) : this.#draw(kind);
    const nameRequired = kind.fields.some((field) => field.name === "name" && field.required);
    const taken = [...this.#shelf(kind).values()].some(
      (other) =>
        other.id === id || (nameRequired && other.name === request.name && this.#inTenant(kind, other, request)),
    );
    if (taken)
      throw fault("already_exists", "ALREADY_EXISTS", `there is a ${kind.noun} ${text(request.name) || id} already`);
    const created = { ...wireResource(kind, {}), ...request, id };
    this.#shelf(kind).set(id, created);
    return created;
  }

  #update(kind: Kind, found: JsonObject, request: JsonObject): JsonObject {
    const changes = request[camelCase(kind.noun)];
    const next: JsonObject = { ...found, etag: String(Number(found.etag) + 1), updateTime: new Date().toISOString() };
    for (const path of text(request.updateMask).split(",").filter(Boolean))
      assign(next, isObject(changes) ? (changes as JsonObject) : {}, path);
    check(kind, next);
    this.#shelf(kind).set(text(found.id), next);
    return next;
  }

  #found(kind: Kind, request: JsonObject): JsonObject {
    const found = this.#shelf(kind).get(text(request.id));
    if (found !== undefined && this.#inTenant(kind, found, request)) return found;
    throw fault("not_found", "NOT_FOUND", `there is no ${kind.noun} ${text(request.id)}`);
  }

  /** A resource without a tenant of its own (put there by a test) is everybody's. */
  #inTenant(_kind: Kind, resource: JsonObject, request: JsonObject): boolean {
    const same = (key: string) => text(resource[key]) === "" || text(resource[key]) === text(request[key]);
    return same("orgId") && same("projectId");
  }

  #draw(kind: Kind): string {
    this.#drawn += 1;
    return `${kind.idPrefix}-${String(this.#drawn).padStart(26, "0")}`;
  }

  #shelf(kind: Kind): Shelf {
    const shelf = this.#shelves.get(kind.typeName) ?? new Map<string, JsonObject>();
    this.#shelves.set(kind.typeName, shelf);
    return shelf;
  }

  /** The generated types speak of the same catalog. */
  #shown<Name extends KindName>(kind: Kind, wire: JsonObject): AnswerOf<Name> {
    return messageFromWire(kind.fields, wire) as unknown as AnswerOf<Name>;
  }
}

/** @param endpoint What the client under test is given as its endpoint. */
export function mockCloud(endpoint = "http://cloud.test"): MockCloud {
  return new MockCloud(endpoint);
}
