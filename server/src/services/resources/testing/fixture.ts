// For this folder's tests: the handler over a store in memory, with two orgs, and short words for its calls.
import {
  type DescMessage,
  isMessage,
  type Message,
  type MessageInitShape,
  type MessageShape,
  create as message,
  toBinary,
} from "@bufbuild/protobuf";
import type { Kind, StandardVerb } from "@photoncloud/proto";
import { OrgSchema } from "@photoncloud/proto/gen/iam/v1/org_pb";
import { ProjectSchema } from "@photoncloud/proto/gen/iam/v1/project_pb";
import { RoleSchema } from "@photoncloud/proto/gen/iam/v1/role_pb";
import { State, StatusSchema } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { UpdateWidgetRequestSchema, WidgetSchema } from "@photoncloud/proto/gen/photoncloud/test/v1/widget_pb";
import { testCatalog } from "@photoncloud/proto/testing";
import { simulatedDrivers } from "../../../backends/detect.ts";
import type { Drivers } from "../../../backends/drivers.ts";
import { type Clock, systemClock } from "../../../clock.ts";
import type { Reconciler } from "../../../engine/reconciler.ts";
import { Fault } from "../../../fault.ts";
import { openSqliteStore } from "../../../store/sqlite/open.ts";
import type { ResourceKey, Store } from "../../../store/store.ts";
import type { Call } from "../../call.ts";
import type { KindDefinition } from "../../kind.ts";
import { createResources, type Resources } from "../index.ts";

export const acme = { orgId: "acme", projectId: "alpha" };
/** The same project id in another org. */
export const rival = { orgId: "rival", projectId: "alpha" };

/** A kind of the test catalog by its noun. @throws Error if there is none. */
export function kindOf(noun: string): Kind {
  const kind = testCatalog().byNoun(noun);
  if (kind === undefined) throw new Error(`no kind ${noun}`);
  return kind;
}

export function callOf(terms: Partial<Call> = {}): Call {
  return {
    principal: { kind: "user", org: "acme", id: "alice", project: "", sessionId: "" },
    sourceIp: "192.0.2.1",
    requestId: "request-1",
    method: "test",
    idempotencyKey: "",
    waitMs: 0,
    signal: new AbortController().signal,
    token: "",
    ...terms,
  };
}

/** Makes a widget something that an engine has to make. */
export const toyReconciler: Reconciler<typeof WidgetSchema, Drivers> = {
  schema: WidgetSchema,
  steps: [],
  backend: () => "toy",
};

let drawn = 0;

/** Bytes that never repeat, and are the same in every run. */
export function countingRandom(bytes: number): Uint8Array {
  const made = Buffer.alloc(bytes);
  made.writeUInt32BE(++drawn, Math.max(0, bytes - 4));
  return made;
}

export class Fixture {
  readonly store: Store;
  readonly resources: Resources;

  constructor(store: Store, resources: Resources) {
    this.store = store;
    this.resources = resources;
  }

  unary(noun: string, verb: Exclude<StandardVerb, "watch">, request: Message, terms?: Partial<Call>): Promise<Message> {
    const kind = kindOf(noun);
    const method = `${kind.service.typeName}/${kind.standard[verb].desc.name}`;
    return this.resources.unary(kind, verb, request, callOf({ method, ...terms }));
  }

  /** A request of a verb of the widgets, from plain values. */
  async call(
    verb: Exclude<StandardVerb, "watch">,
    init: Record<string, unknown>,
    terms?: Partial<Call>,
    noun = "widget",
  ): Promise<Message> {
    return this.unary(noun, verb, message(kindOf(noun).standard[verb].desc.input, init), terms);
  }

  async create(init: MessageInitShape<typeof WidgetSchema>, terms?: Partial<Call>) {
    const widget = message(WidgetSchema, { ...acme, color: "red", ...init });
    return as(WidgetSchema, await this.unary("widget", "create", widget, terms));
  }

  async get(id: string, tenant = acme, terms: Partial<Call> = {}) {
    return as(WidgetSchema, await this.call("get", { ...tenant, id }, terms));
  }

  async update(
    id: string,
    widget: MessageInitShape<typeof WidgetSchema>,
    paths: string[] = [],
    more: { etag?: string; tenant?: typeof acme } = {},
    terms?: Partial<Call>,
  ) {
    const { etag = "", tenant = acme } = more;
    const request = message(UpdateWidgetRequestSchema, {
      ...tenant,
      id,
      etag,
      widget: message(WidgetSchema, widget),
      updateMask: { paths },
    });
    return as(WidgetSchema, await this.unary("widget", "update", request, terms));
  }

  async delete(id: string, tenant = acme, terms?: Partial<Call>) {
    return as(WidgetSchema, await this.call("delete", { ...tenant, id }, terms));
  }

  keyOf(id: string): ResourceKey {
    return { tenant: { org: acme.orgId, project: acme.projectId }, kind: WidgetSchema.typeName, id };
  }

  /** Does what the engine does with a widget's task: makes it ready (or failed), or removes it. */
  async settle(id: string, state: State = State.READY): Promise<void> {
    const kind = this.resources.engineKinds.find((one) => one.schema.typeName === WidgetSchema.typeName);
    const key = this.keyOf(id);
    await this.store.transact(async (tx) => {
      const row = await tx.get(key);
      if (row === undefined) return;
      const gone = row.phase === "deleting";
      const status = message(StatusSchema, { state, backend: "toy", observedVersion: BigInt(row.version) });
      const observed = toBinary(WidgetSchema, message(WidgetSchema, { status, spins: 7n }));
      if (gone) await kind?.release?.(tx, row);
      if (gone) tx.remove(key);
      else tx.observe(key, observed);
      const resource = Buffer.concat([row.data, gone ? row.observed : observed]);
      const blank = { sourceIp: "", requestId: "", method: "", permission: "" };
      tx.append({
        ...key,
        ...blank,
        type: gone ? "deleted" : "observed",
        version: row.version,
        actor: "engine",
        resource,
      });
    });
  }

  async close(): Promise<void> {
    await this.store.close();
  }
}

/** Narrows an answer. @throws Error if it is another message. */
export function as<Desc extends DescMessage>(schema: Desc, answer: Message): MessageShape<Desc> {
  if (!isMessage(answer, schema)) throw new Error(`${answer.$typeName} is no ${schema.typeName}`);
  return answer;
}

/** What went wrong, as "REASON path:rule …"; the answer's type where nothing did. */
export async function outcome(call: Promise<Message>): Promise<string> {
  return call.then(
    (answer) => answer.$typeName,
    (error: unknown) => {
      if (!(error instanceof Fault)) throw error;
      return [error.reason, ...(error.details.violations ?? []).map((v) => `${v.path}:${v.rule}`)].join(" ");
    },
  );
}

/** @throws Error if it does not fail with a Fault. */
export async function faultOf(call: Promise<Message>): Promise<Fault> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Fault) return error;
  throw new Error(`no Fault but ${String(error)}`);
}

interface FixtureOptions {
  readonly widget?: Omit<KindDefinition<typeof WidgetSchema>, "schema">;
  readonly clock?: Clock;
}

/** The handler over a store, without anything in it. */
export function fixtureOver(store: Store, { widget, clock = systemClock }: FixtureOptions = {}): Fixture {
  const kinds: readonly KindDefinition[] = [
    { schema: OrgSchema, uniqueName: "none" },
    { schema: ProjectSchema, uniqueName: "none" },
    { schema: RoleSchema, uniqueName: "none" },
    { schema: WidgetSchema, ...widget },
  ];
  const resources = createResources({
    store,
    kinds,
    catalog: testCatalog(),
    clock,
    random: countingRandom,
    drivers: simulatedDrivers({ clock }),
  });
  return new Fixture(store, resources);
}

/** Makes acme/alpha and rival/alpha. */
export async function makeTenants(fixture: Fixture): Promise<void> {
  for (const { orgId, projectId } of [acme, rival]) {
    await fixture.unary("org", "create", message(OrgSchema, { id: orgId }));
    await fixture.unary("project", "create", message(ProjectSchema, { orgId, id: projectId }));
  }
}

/** The handler over a store in memory with orgs, projects, roles and widgets; acme/alpha and rival/alpha are there. */
export async function openFixture(options: FixtureOptions = {}): Promise<Fixture> {
  const store = await openSqliteStore({ file: ":memory:", ...(options.clock && { clock: options.clock }) });
  const fixture = fixtureOver(store, options);
  await makeTenants(fixture);
  return fixture;
}
