// The calls that one kind's resources need, over any transport that carries protobuf's JSON.
import type { KindFacts as Kind, MethodFacts as Method } from "@photoncloud/proto";
import { camelCase, Scope } from "@photoncloud/proto";
import type { Receipt } from "@photoncloud/sdk/calls";
import { Unknown, type ValueMap } from "./cty/value.ts";
import { isJsonObject, type JsonObject, textOf, textsOf } from "./json-object.ts";
import { type QuotaUse, quotaUse } from "./quotas.ts";

/** Terms of one call. */
export interface Terms {
  readonly signal: AbortSignal;
  /** How long it may take with all its retries, in milliseconds. */
  readonly timeoutMs: number;
  /** How long it is tried again where nobody listens at the cloud's address, in milliseconds. Default: as long as it may take. */
  readonly absentMs?: number;
  /** For changes: the same key gives the same answer. */
  readonly idempotencyKey?: string;
  /** For changes, and for the read of one: how long the answer may wait for the resource to settle, in milliseconds. */
  readonly waitMs?: number;
  /** For updates: whether data may be lost, which is refused otherwise. */
  readonly allowDataLoss?: boolean;
  /** For changes: told how far it had come when it was answered; a cloud that does not know tells nothing. */
  readonly onReceipt?: (receipt: Receipt) => void;
}

/** Carries calls. It retries what may be repeated, for as long as the terms allow; it throws PhotonError. */
export interface Cloud {
  call(method: Method, request: JsonObject, terms: Terms): Promise<JsonObject>;
}

/** Names one resource. */
export interface Reference {
  readonly org: string;
  readonly project: string;
  readonly id: string;
}

const tenant = (kind: Kind, at: { org: string; project: string }): JsonObject => {
  if (kind.scope === Scope.SYSTEM) return {};
  return kind.scope === Scope.ORG ? { orgId: at.org } : { orgId: at.org, projectId: at.project };
};

const name = (kind: Kind, at: Reference): JsonObject => ({ ...tenant(kind, at), id: at.id });

/** One field of a plan, and what its change does: "IMPACT_RESTART". */
export interface PlannedChange {
  readonly path: string;
  readonly impact: string;
  /** Who may do more or less after it; left out: nobody. */
  readonly access?: readonly AccessChange[];
  /** The quotas that it comes under, with what it adds; left out: none. */
  readonly quotas?: readonly QuotaUse[];
}

export interface AccessChange {
  readonly principal: string;
  readonly scope: string;
  readonly gives: readonly string[];
  readonly takes: readonly string[];
}

export interface Foreseen {
  /** The resource as it would be; what is drawn is left empty. */
  readonly resource: JsonObject;
  readonly changes: readonly PlannedChange[];
}

/** Whether Terraform does not know yet where a resource lives. */
export const unknownTenant = (kind: Kind, state: ValueMap): boolean =>
  kind.scope !== Scope.SYSTEM &&
  (state.get("org_id") instanceof Unknown || (kind.scope !== Scope.ORG && state.get("project_id") instanceof Unknown));

/** The standard calls of one kind. */
export class KindCalls {
  readonly #cloud: Cloud;
  readonly kind: Kind;

  constructor(cloud: Cloud, kind: Kind) {
    this.#cloud = cloud;
    this.kind = kind;
  }

  create(resource: JsonObject, terms: Terms): Promise<JsonObject> {
    return this.#cloud.call(this.kind.standard.create, resource, terms);
  }

  get(at: Reference, terms: Terms): Promise<JsonObject> {
    return this.#cloud.call(this.kind.standard.get, name(this.kind, at), terms);
  }

  /** Those that are not there are left out. */
  async batchGet(at: Omit<Reference, "id">, ids: readonly string[], terms: Terms): Promise<readonly JsonObject[]> {
    return this.#items(
      await this.#cloud.call(this.kind.standard.batchGet, { ...tenant(this.kind, at), ids: [...ids] }, terms),
    );
  }

  /** One page of all that there are, or that the filter takes; `token` and `next` are "" at the ends. */
  async page(
    at: Omit<Reference, "id">,
    { size, token, filter = "" }: { readonly size: number; readonly token: string; readonly filter?: string },
    terms: Terms,
  ): Promise<{ readonly items: readonly JsonObject[]; readonly next: string }> {
    const request = { ...tenant(this.kind, at), pageSize: size, pageToken: token, ...(filter !== "" && { filter }) };
    const answer = await this.#cloud.call(this.kind.standard.list, request, terms);
    return { items: this.#items(answer), next: textOf(answer, "nextPageToken") };
  }

  /** Whether a resource lives in this tenant itself. */
  isIn(at: Omit<Reference, "id">, resource: JsonObject): boolean {
    return Object.entries(tenant(this.kind, at)).every(([level, id]) => textOf(resource, level) === id);
  }

  /** The first page of those that have a name. */
  async named(at: Omit<Reference, "id">, wanted: string, terms: Terms): Promise<readonly JsonObject[]> {
    const request = { ...tenant(this.kind, at), filter: `name = ${JSON.stringify(wanted)}` };
    return this.#items(await this.#cloud.call(this.kind.standard.list, request, terms));
  }

  /** What a creation (no id) or a change of the fields of the mask would do, without doing it. */
  async plan(
    at: Reference,
    resource: JsonObject,
    mask: readonly string[],
    unknownPaths: readonly string[],
    terms: Terms,
  ): Promise<Foreseen> {
    const noun = camelCase(this.kind.noun);
    const change = { [noun]: resource, updateMask: mask.join(","), unknownPaths: [...unknownPaths] };
    const answer = await this.#cloud.call(this.kind.standard.plan, { ...name(this.kind, at), ...change }, terms);
    return { resource: isJsonObject(answer[noun]) ? answer[noun] : {}, changes: plannedChanges(answer) };
  }

  /** What a deletion would do, without doing it; nothing is known of kinds that can't be asked. */
  async planDeletion(at: Reference, terms: Terms): Promise<readonly PlannedChange[]> {
    if (!this.kind.plansDeletion) return [];
    const request = { ...name(this.kind, at), deletion: true };
    return plannedChanges(await this.#cloud.call(this.kind.standard.plan, request, terms));
  }

  /** Changes the fields of the mask, given in JSON names. */
  update(
    at: Reference,
    resource: JsonObject,
    mask: readonly string[],
    etag: string,
    terms: Terms,
  ): Promise<JsonObject> {
    const request = { ...name(this.kind, at), [camelCase(this.kind.noun)]: resource, updateMask: mask.join(","), etag };
    return this.#cloud.call(this.kind.standard.update, request, terms);
  }

  delete(at: Reference, etag: string, terms: Terms): Promise<JsonObject> {
    return this.#cloud.call(this.kind.standard.delete, { ...name(this.kind, at), etag }, terms);
  }

  #items(page: JsonObject): readonly JsonObject[] {
    const items = page[camelCase(this.kind.plural)];
    return Array.isArray(items) ? items.filter(isJsonObject) : [];
  }
}

/** What a resource's status says. */
export interface Condition {
  readonly state: "pending" | "ready" | "failed" | "deleting";
  readonly reason: string;
  readonly message: string;
}

const states: Readonly<Record<string, Condition["state"]>> = {
  STATE_READY: "ready",
  STATE_FAILED: "failed",
  STATE_DELETING: "deleting",
};

/** Reads a resource's status; one that says nothing is ready. */
export function conditionOf(resource: JsonObject): Condition {
  const { status } = resource;
  const state = textOf(status, "state");
  return {
    state: state === "" || state === "STATE_UNSPECIFIED" ? "ready" : (states[state] ?? "pending"),
    reason: textOf(status, "reason"),
    message: textOf(status, "message"),
  };
}

function plannedChanges({ changes }: JsonObject): readonly PlannedChange[] {
  return Array.isArray(changes) ? changes.map(plannedChange) : [];
}

function plannedChange(one: unknown): PlannedChange {
  const access = isJsonObject(one) && Array.isArray(one.access) ? one.access : [];
  const quotas = isJsonObject(one) && Array.isArray(one.quotas) ? one.quotas : [];
  const { path, impact } = { path: textOf(one, "path"), impact: textOf(one, "impact") };
  return { path, impact, access: access.map(accessChange), quotas: quotas.map(quotaUse) };
}

function accessChange(one: unknown): AccessChange {
  return {
    principal: textOf(one, "principal"),
    scope: textOf(one, "scope"),
    gives: textsOf(one, "gives"),
    takes: textsOf(one, "takes"),
  };
}
