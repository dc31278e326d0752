// For tests: a cloud in memory with one kind of resource handling for all kinds, and faults on demand.
import { randomUUID } from "node:crypto";
import type { MethodFacts as Method } from "@photoncloud/proto";
import { camelCase, type KindFacts as Kind } from "@photoncloud/proto";
import type { Cloud, Terms } from "../cloud.ts";
import { isJsonObject, type JsonObject, textOf } from "../json-object.ts";

/** An error of the cloud's, shaped as the SDK throws it. */
export class FakeError extends Error {
  override readonly name = "PhotonError";
  readonly code: string;
  readonly reason: string;
  readonly requestId = "req-1";
  readonly violations: readonly { path: string; rule: string; message: string }[];
  readonly resources: readonly string[] = [];
  readonly permission: string;
  constructor(
    code: string,
    reason: string,
    message: string,
    more: { violations?: FakeError["violations"]; permission?: string } = {},
  ) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.violations = more.violations ?? [];
    this.permission = more.permission ?? "";
  }
}

/** Runs before or after a call does its work; may throw. */
export type Fault = (verb: string, request: JsonObject, terms: Terms) => void | Promise<void>;

/** Fills in what a cloud would fill in. */
export type Fill = (resource: JsonObject) => JsonObject;

export class FakeCloud implements Cloud {
  readonly resources = new Map<string, JsonObject>();
  readonly calls: { readonly verb: string; readonly request: JsonObject; readonly terms: Terms }[] = [];
  before: Fault = () => {};
  after: Fault = () => {};
  mostOnPage = 1000;
  /** What a plan answers: the changes, and what it foresees beside what was given. */
  foreseen: { readonly resource: JsonObject; readonly changes: JsonObject[] } = { resource: {}, changes: [] };
  readonly #kind: Kind;
  readonly #fill: Fill;
  readonly #answers = new Map<string, { readonly request: string; readonly id: string }>();
  #version = 0;

  constructor(kind: Kind, fill: Fill) {
    this.#kind = kind;
    this.#fill = fill;
  }

  async call(method: Method, request: JsonObject, terms: Terms): Promise<JsonObject> {
    const [verb = ""] = Object.entries(this.#kind.standard).find(([, m]) => m === method) ?? [];
    this.calls.push({ verb, request, terms });
    await this.before(verb, request, terms);
    const answer = this.#do(verb, request, terms);
    await this.after(verb, request, terms);
    return structuredClone(answer);
  }

  /** A change behind Terraform's back. */
  change(id: string, change: JsonObject): void {
    this.#store(id, { ...this.#existing(id), ...change });
  }

  #do(verb: string, request: JsonObject, terms: Terms): JsonObject {
    const id = textOf(request, "id");
    switch (verb) {
      case "create":
        return this.#create(request, terms);
      case "get":
        return this.#existing(id);
      case "batchGet": {
        const ids = Array.isArray(request.ids) ? request.ids.map(String) : [];
        return { [camelCase(this.#kind.plural)]: ids.flatMap((one) => this.resources.get(one) ?? []) };
      }
      case "list":
        return this.#list(request);
      case "plan": {
        const noun = camelCase(this.#kind.noun);
        const given = request[noun];
        return {
          [noun]: { ...(isJsonObject(given) ? given : {}), ...this.foreseen.resource },
          changes: this.foreseen.changes,
        };
      }
      case "update":
        return this.#update(id, request);
      case "delete": {
        const gone = this.#checked(id, request);
        this.resources.delete(id);
        return gone;
      }
      default:
        throw new FakeError("unimplemented", "UNIMPLEMENTED", verb);
    }
  }

  #list(request: JsonObject): JsonObject {
    const all = [...this.resources.values()].filter(
      (r) => request.filter === undefined || request.filter === `name = ${JSON.stringify(r.name)}`,
    );
    const [from, size] = [
      Number(textOf(request, "pageToken")),
      Math.min(Number(request.pageSize ?? 50), this.mostOnPage),
    ];
    const nextPageToken = from + size < all.length ? String(from + size) : "";
    return { [camelCase(this.#kind.plural)]: all.slice(from, from + size), nextPageToken };
  }

  #existing(id: string): JsonObject {
    const found = this.resources.get(id);
    if (found === undefined) throw new FakeError("not_found", "NOT_FOUND", `there is no ${id}`);
    return found;
  }

  #checked(id: string, request: JsonObject): JsonObject {
    const found = this.#existing(id);
    if (request.etag !== "" && request.etag !== found.etag)
      throw new FakeError("aborted", "STALE_ETAG", "it has changed");
    return found;
  }

  #create(request: JsonObject, terms: Terms): JsonObject {
    const key = terms.idempotencyKey ?? "";
    const known = this.#answers.get(key);
    if (known !== undefined && known.request !== JSON.stringify(request))
      throw new FakeError("invalid_argument", "IDEMPOTENCY_KEY_REUSED", "the key was used for another request");
    if (known !== undefined) return this.resources.get(known.id) ?? { ...request, id: known.id };
    if ([...this.resources.values()].some((r) => r.name === request.name))
      throw new FakeError("already_exists", "ALREADY_EXISTS", `${request.name} exists`);
    const id = `${this.#kind.idPrefix}-${randomUUID()}`;
    this.#answers.set(key, { request: JSON.stringify(request), id });
    return this.#store(id, { ...request, id });
  }

  #update(id: string, request: JsonObject): JsonObject {
    const next = { ...this.#checked(id, request) };
    const given = request[camelCase(this.#kind.noun)];
    for (const name of textOf(request, "updateMask").split(",")) {
      const value = isJsonObject(given) ? given[name] : undefined;
      if (value === undefined) delete next[name];
      else next[name] = value;
    }
    return this.#store(id, next);
  }

  #store(id: string, resource: JsonObject): JsonObject {
    const secrets = this.#kind.fields.filter((field) => field.inputOnly).map((field) => field.desc.jsonName);
    const shown = Object.fromEntries(Object.entries(resource).filter(([name]) => !secrets.includes(name)));
    const status = resource.status ?? { state: "STATE_READY" };
    const stored = { ...this.#fill(shown), status, etag: `e${++this.#version}` };
    this.resources.set(id, stored);
    return stored;
  }
}
