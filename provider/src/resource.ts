// The one resource: every kind is this, with another schema.
import type { Attribute } from "./attribute.ts";
import { conditionOf, KindCalls, type Reference, unknownTenant } from "./cloud.ts";
import { fromJson, toJson } from "./convert.ts";
import { isMap, unknown, type Value, type ValueMap } from "./cty/value.ts";
import { Deadline } from "./deadline.ts";
import { type Diagnostic, explain, hasReason } from "./diagnostics.ts";
import type { JsonObject } from "./json-object.ts";
import { textOf } from "./json-object.ts";
import { refresh, settle } from "./merge.ts";
import { callMs, create, reading, remove, type Settled, settled, update } from "./operation.ts";
import type { Verb } from "./permission-hints.ts";
import { type Plan, plan } from "./plan.ts";
import { ask, askDeletion, askMs, type Question, unfinished } from "./plan-check.ts";
import { given } from "./plan-request.ts";
import type { PrivateState } from "./private-state.ts";
import { sameAttribute } from "./same.ts";
import type { KindSchema, Operation } from "./schema.ts";
import type { Session } from "./session.ts";
import { elsewhere, parseImportId, referenceOf, tenantDefaults } from "./tenant.ts";
import { parseDuration } from "./time.ts";

/** What an operation leaves: the state (null: nothing is there), what is kept beside it, and what to tell the user. */
export interface Outcome {
  readonly state: ValueMap | null;
  readonly kept: PrivateState;
  readonly diagnostics: readonly Diagnostic[];
}

const defaultTimeoutMs = 20 * 60_000;

function timeoutMs(state: ValueMap, operation: Operation): number {
  const timeouts = state.get("timeouts");
  const given = isMap(timeouts) ? timeouts.get(operation) : undefined;
  const nanos = typeof given === "string" ? parseDuration(given) : undefined;
  return nanos === undefined || nanos <= 0n ? defaultTimeoutMs : Number(nanos / 1_000_000n);
}

const textIn = (state: ValueMap, name: string): string => {
  const value = state.get(name);
  return typeof value === "string" ? value : "";
};

const keptOf = (resource: JsonObject, pending: boolean, key: string | undefined): PrivateState => ({
  etag: textOf(resource, "etag"),
  ...(pending && { pending }),
  ...(key !== undefined && { key }),
});

/** Makes a change of a plan that has none, so that the apply waits for what is not ready: an output that nobody refers to is told anew. */
function awaiting(attributes: readonly Attribute[], unchanged: Plan): Plan {
  const output = attributes.find((a) => a.computed && !a.optional && a.field?.type.type === "timestamp");
  if (output === undefined || unchanged.changed) return unchanged;
  return { ...unchanged, planned: new Map([...unchanged.planned, [output.name, unknown]]), changed: true };
}

export class Resource {
  readonly schema: KindSchema;
  readonly #session: Session;

  constructor(schema: KindSchema, session: Session) {
    this.schema = schema;
    this.#session = session;
  }

  /** What will be. @throws Problem */
  plan(prior: ValueMap | null, config: ValueMap): Plan & { readonly diagnostics: readonly Diagnostic[] } {
    const { kind, attributes } = this.schema;
    const defaults = prior === null ? tenantDefaults(kind, config, this.#session.tenant) : new Map<string, Value>();
    const diagnostics = prior === null ? [] : elsewhere(config, prior, this.#session.tenant);
    return { ...plan(attributes, prior, config, defaults), diagnostics };
  }

  /** What will be, once the cloud was asked too. `kept`: not empty where a creation takes the place of what it was kept for. @throws Problem */
  async planAndAsk(
    prior: ValueMap | null,
    config: ValueMap,
    kept: PrivateState,
    signal: AbortSignal,
  ): Promise<ReturnType<Resource["plan"]>> {
    const plan = this.plan(prior, config);
    const local = kept.pending ? { ...plan, ...awaiting(this.schema.attributes, plan) } : plan;
    const { walk } = this.#session;
    if (prior !== null) walk.manages(this.schema.kind.noun, prior);
    else walk.willCreate(local.planned);
    if (prior !== null && local.changed)
      walk.room.frees(this.schema.kind, this.schema.attributes, prior, local.planned);
    await this.#session.holds(kept);
    if (!local.changed || !this.#asks()) return local;
    // The creation that follows a replacement is planned, and asked about, by itself; but of that plan Terraform shows no warnings.
    if (local.replaces.length > 0 && prior !== null) {
      const [told, hints] = await Promise.all([
        this.#removal(prior, signal, true),
        this.#hints(prior, ["delete", "create"], signal),
      ]);
      return { ...local, diagnostics: [...local.diagnostics, ...told, ...hints] };
    }
    const question = this.#question(prior, local.planned, config, kept);
    if (prior !== null && question.mask.length === 0) return local;
    if (prior === null && (await this.#session.interrupted()))
      return { ...local, diagnostics: [...local.diagnostics, ...unfinished(walk)] };
    const [answer, hints] = await Promise.all([
      ask(question, walk, this.#deadline(walk.applying ? callMs : askMs, signal)),
      this.#hints(prior ?? local.planned, [prior === null ? "create" : "update"], signal),
    ]);
    const refused = answer.diagnostics.some(({ severity }) => severity === "error");
    const told = [...local.diagnostics, ...answer.diagnostics, ...(refused ? [] : hints)];
    return { ...local, planned: answer.planned, diagnostics: told };
  }

  /** What there is to say before it is removed. */
  async planDelete(prior: ValueMap, signal: AbortSignal): Promise<readonly Diagnostic[]> {
    this.#session.walk.room.frees(this.schema.kind, this.schema.attributes, prior);
    if (!this.#asks()) return [];
    const [told, hints] = await Promise.all([
      this.#removal(prior, signal, false),
      this.#hints(prior, ["delete"], signal),
    ]);
    return [...told, ...hints];
  }

  #removal(prior: ValueMap, signal: AbortSignal, isReplaced: boolean): Promise<readonly Diagnostic[]> {
    const { attributes } = this.schema;
    const asked = { calls: this.#calls(), attributes, at: referenceOf(prior), what: this.#nameOf(prior), isReplaced };
    return askDeletion(asked, this.#session.walk, this.#deadline(askMs, signal));
  }

  /** Whether the cloud is asked about plans, as far as is known by now. */
  #asks(): boolean {
    return this.#session.walk.asking && this.#session.connected;
  }

  async #hints(state: ValueMap, verbs: readonly Verb[], signal: AbortSignal): Promise<readonly Diagnostic[]> {
    const { walk, hints } = this.#session;
    const { kind } = this.schema;
    const at = referenceOf(state);
    if (walk.applying || unknownTenant(kind, state) || walk.isComing(at.org) || walk.isComing(at.project)) return [];
    return hints.missing(kind, at, verbs, reading(this.#deadline(askMs, signal), walk.absentMs));
  }

  #question(prior: ValueMap | null, planned: ValueMap, config: ValueMap, kept: PrivateState): Question {
    const { attributes } = this.schema;
    const writeOnly = Object.keys(this.#writeOnly(config));
    return {
      calls: this.#calls(),
      attributes,
      prior,
      planned,
      config,
      at: { ...referenceOf(prior ?? planned), ...(prior === null ? { id: "" } : {}) },
      mask: prior === null ? [] : [...this.#changed(prior, planned), ...writeOnly],
      replaces: prior === null && kept.etag !== "",
      what: this.#nameOf(prior ?? planned),
      isSerial: () => this.#session.isSerial(),
    };
  }

  /** For messages: "vpc main". */
  #nameOf(state: ValueMap): string {
    return this.#name(textIn(state, "name") || textIn(state, "id"));
  }

  /** What is there; a state of null where it is gone. */
  async read(prior: ValueMap, kept: PrivateState, signal: AbortSignal): Promise<Outcome> {
    const at = referenceOf(prior);
    this.#session.walk.manages(this.schema.kind.noun, prior);
    await this.#session.holds(kept);
    const deadline = this.#deadline(callMs, signal);
    try {
      const found = await this.#session.reads.read(this.#calls(), at, reading(deadline, this.#session.absentMs));
      if (found === undefined) return { state: null, kept: { etag: "" }, diagnostics: [] };
      const state = refresh(this.schema.attributes, prior, fromJson(this.schema.attributes, found));
      const pending = kept.pending === true && conditionOf(found).state !== "ready";
      return { state, kept: keptOf(found, pending, kept.key), diagnostics: [] };
    } catch (error) {
      return { state: prior, kept, diagnostics: this.#explain(error, `reading ${this.#name(at.id)}`) };
    }
  }

  /** Creates what was planned. Once its id is known it is never lost: problems then come beside the state. */
  async create(planned: ValueMap, config: ValueMap, signal: AbortSignal): Promise<Outcome> {
    const { kind, attributes } = this.schema;
    this.#session.changing();
    const deadline = this.#deadline(timeoutMs(planned, "create"), signal);
    const { org, project } = referenceOf(planned);
    try {
      const known = given(attributes, planned, config);
      const identity = [this.#session.endpoint, kind.typeName, known];
      const request = { ...known, ...this.#writeOnly(config) };
      const what = this.#name(textOf(known, "name"));
      const isPartial = () => this.#session.isPartial();
      const creation = { calls: this.#calls(), request, identity, at: { org, project }, what, isPartial };
      const journal = await this.#session.journal();
      const made = await this.#whenThereIsRoom(() => create(creation, journal, deadline), deadline);
      return this.#outcome(planned, made, made.key);
    } catch (error) {
      const doing = `creating ${this.#name(String(planned.get("name") ?? ""))}`;
      return { state: null, kept: { etag: "" }, diagnostics: this.#explain(error, doing) };
    }
  }

  /** Changes what the plan changes, and sends write-only values whenever they are given. */
  async update(
    prior: ValueMap,
    planned: ValueMap,
    config: ValueMap,
    kept: PrivateState,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { attributes } = this.schema;
    this.#session.changing();
    const deadline = this.#deadline(timeoutMs(planned, "update"), signal);
    const at = referenceOf(prior);
    const what = this.#name(at.id);
    const writeOnly = this.#writeOnly(config);
    const mask = [...this.#changed(prior, planned), ...Object.keys(writeOnly)];
    try {
      if (mask.length === 0 && kept.pending)
        return this.#outcome(planned, await this.#follow(at, what, deadline), kept.key);
      // Only the state differs: the spelling, or the provider's own attributes.
      if (mask.length === 0) return { state: settle(attributes, planned, new Map()), kept, diagnostics: [] };
      const request = { ...toJson(attributes, planned), ...writeOnly };
      const isAsPlanned = (current: JsonObject) => this.#matches(prior, current);
      const { allowsDataLoss } = this.#session.walk;
      const change = { calls: this.#calls(), at, request, mask, etag: kept.etag, what, allowsDataLoss, isAsPlanned };
      const result = await this.#whenThereIsRoom(() => update(change, deadline), deadline);
      if (!("resource" in result)) return { state: prior, kept, diagnostics: result };
      this.#session.walk.room.freed();
      return this.#outcome(planned, result, kept.key);
    } catch (error) {
      return { state: prior, kept, diagnostics: this.#explain(error, `updating ${what}`) };
    }
  }

  /** Deletes, and waits until it is gone. */
  async delete(prior: ValueMap, kept: PrivateState, signal: AbortSignal): Promise<Outcome> {
    this.#session.changing();
    const deadline = this.#deadline(timeoutMs(prior, "delete"), signal);
    const at = referenceOf(prior);
    const what = this.#name(at.id);
    try {
      const isAsPlanned = (current: JsonObject) => this.#matches(prior, current);
      const diagnostics = await remove({ calls: this.#calls(), at, etag: kept.etag, what, isAsPlanned }, deadline);
      if (diagnostics.length === 0) this.#session.walk.room.freed();
      return { state: diagnostics.length === 0 ? null : prior, kept, diagnostics };
    } catch (error) {
      return { state: prior, kept, diagnostics: this.#explain(error, `deleting ${what}`) };
    }
  }

  /** The stub that an import begins with; Terraform reads the rest. @throws Problem */
  import(given: string): ValueMap {
    const { org, project, id } = parseImportId(this.schema.kind, given, this.#session.tenant);
    const known: Readonly<Record<string, string>> = { org_id: org, project_id: project, id };
    return new Map(this.schema.attributes.map((a) => [a.name, known[a.name] ?? null]));
  }

  /** Where a quota leaves no room, what the same apply removes may make it. */
  async #whenThereIsRoom<T>(change: () => Promise<T>, deadline: Deadline): Promise<T> {
    const { room } = this.#session.walk;
    for (;;) {
      const { made } = room;
      try {
        return await change();
      } catch (error) {
        if (!hasReason(error, "QUOTA_EXCEEDED") || !(await room.comes(made, deadline))) throw error;
      }
    }
  }

  /** Waits for what an earlier apply did not see ready. */
  async #follow(at: Reference, what: string, deadline: Deadline): Promise<Settled> {
    const calls = this.#calls();
    return settled(calls, at, await calls.get(at, reading(deadline)), what, deadline);
  }

  #outcome(planned: ValueMap, { resource, diagnostics, pending }: Settled, key: string | undefined): Outcome {
    const { attributes } = this.schema;
    const state = settle(attributes, planned, fromJson(attributes, resource));
    return { state, kept: keptOf(resource, pending, key), diagnostics };
  }

  #calls(): KindCalls {
    return new KindCalls(this.#session.cloud, this.schema.kind);
  }

  #deadline(ms: number, signal: AbortSignal): Deadline {
    return new Deadline(ms, signal, this.#session.stop.signal);
  }

  #name(which: string): string {
    return `${this.schema.kind.noun.replaceAll("_", " ")} ${which}`.trim();
  }

  #explain(error: unknown, doing: string): readonly Diagnostic[] {
    return explain(error, this.schema.attributes, doing);
  }

  /** The message of the write-only values, which stand in the configuration alone. */
  #writeOnly(config: ValueMap): JsonObject {
    return toJson(
      this.schema.attributes.filter((a) => a.writeOnly),
      config,
    );
  }

  /** JSON names of the fields that the plan changes. A oneof's new member takes the place of its old one. */
  #changed(prior: ValueMap, planned: ValueMap): string[] {
    const inputs = this.schema.attributes.filter((a) => (a.optional || a.required) && !a.writeOnly);
    const changed = inputs.filter((a) => !sameAttribute(a, prior.get(a.name) ?? null, planned.get(a.name) ?? null));
    const given = (a: (typeof changed)[number]) => (planned.get(a.name) ?? null) !== null;
    const replaced = changed.filter(
      (a) =>
        !given(a) && changed.some((b) => given(b) && b.field?.oneof !== undefined && b.field.oneof === a.field?.oneof),
    );
    return changed
      .filter((a) => !replaced.includes(a))
      .flatMap((a) => (a.field === undefined ? [] : [a.field.desc.jsonName]));
  }

  /** Whether what is there now is what Terraform holds. */
  #matches(prior: ValueMap, current: JsonObject): boolean {
    const actual = fromJson(this.schema.attributes, current);
    return this.schema.attributes
      .filter((a) => a.field !== undefined)
      .every((a) => sameAttribute(a, prior.get(a.name) ?? null, actual.get(a.name) ?? null));
  }
}
