// For the slices' tests: every kind over a store in memory, the engine and simulated drivers, without the edge; and short words for its calls.
import { randomBytes } from "node:crypto";
import {
  create,
  type DescMessage,
  isMessage,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { catalog, type Kind, type StandardVerb } from "@photoncloud/proto";
import { OrgSchema } from "@photoncloud/proto/gen/iam/v1/org_pb";
import { ProjectSchema } from "@photoncloud/proto/gen/iam/v1/project_pb";
import { State, type Status } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { type SimulatedDrivers, simulatedDrivers } from "../../backends/detect.ts";
import type { Drivers } from "../../backends/drivers.ts";
import type { FlowSource } from "../../backends/network/flow-source.ts";
import { systemClock } from "../../clock.ts";
import { createEngine, type Engine } from "../../engine/engine.ts";
import { silentLog } from "../../engine/hooks.ts";
import { Fault } from "../../fault.ts";
import { openSqliteStore } from "../../store/sqlite/open.ts";
import type { Store } from "../../store/store.ts";
import { wakeOnChange } from "../../wake-on-change.ts";
import type { Call } from "../call.ts";
import { kinds } from "../kinds.ts";
import { seedFlavors } from "../plasmavmc/flavor/seed.ts";
import { seedImages } from "../plasmavmc/image/seed.ts";
import { createResources, type Resources } from "../resources/index.ts";

export const acme = { orgId: "acme", projectId: "alpha" };
/** Another project of the same org. */
export const beta = { orgId: "acme", projectId: "beta" };
/** The same project id in another org. */
export const rival = { orgId: "rival", projectId: "alpha" };

/** The tests' own patience, in milliseconds: the simulated drivers take a few, two servers on one PostgreSQL ten seconds on a busy machine. */
const patienceMs = 40_000;

let requests = 0;

function callOf(terms: Partial<Call>): Call {
  return {
    principal: { kind: "user", org: "acme", id: "alice", project: "", sessionId: "" },
    sourceIp: "192.0.2.1",
    requestId: `request-${++requests}`,
    method: "",
    idempotencyKey: "",
    waitMs: 0,
    signal: new AbortController().signal,
    token: "",
    ...terms,
  };
}

type Input = Record<string, unknown>;

/** Over simulated drivers, unless a test brings others. */
export class SmallCloud<D extends Drivers = SimulatedDrivers> {
  readonly store: Store;
  readonly drivers: D;
  readonly resources: Resources;
  readonly #stop: () => Promise<void>;

  constructor(parts: { store: Store; drivers: D; resources: Resources; stop: () => Promise<void> }) {
    this.store = parts.store;
    this.drivers = parts.drivers;
    this.resources = parts.resources;
    this.#stop = parts.stop;
  }

  /** One of the standard methods, from plain values. */
  async call(
    kind: Kind,
    verb: Exclude<StandardVerb, "watch">,
    input: Input,
    terms: Partial<Call> = {},
  ): Promise<Message> {
    const method = kind.standard[verb].desc;
    const call = callOf({ method: `${kind.service.typeName}/${method.name}`, ...terms });
    return this.resources.unary(kind, verb, create(method.input, input), call);
  }

  /** Creates in acme/alpha, unless the values say otherwise, and does not wait. */
  async create<Desc extends DescMessage>(schema: Desc, values: MessageInitShape<Desc>): Promise<MessageShape<Desc>> {
    return narrow(schema, await this.call(kindOf(schema), "create", { ...acme, ...values }));
  }

  /** Creates, and waits until it is ready. */
  async make<Desc extends DescMessage>(schema: Desc, values: MessageInitShape<Desc>): Promise<MessageShape<Desc>> {
    const { id, orgId, projectId } = tenantAndId(await this.create(schema, values));
    return this.ready(schema, id, { orgId, projectId });
  }

  async get<Desc extends DescMessage>(schema: Desc, id: string, tenant = acme): Promise<MessageShape<Desc>> {
    return narrow(schema, await this.call(kindOf(schema), "get", { ...tenant, id }));
  }

  async update<Desc extends DescMessage>(
    schema: Desc,
    id: string,
    values: MessageInitShape<Desc>,
    paths: readonly string[] = [],
    terms: Partial<Call> = {},
  ): Promise<MessageShape<Desc>> {
    const kind = kindOf(schema);
    const resource = { [fieldIn(kind, "update")]: create(schema, values) };
    const input = { ...acme, id, ...resource, updateMask: { paths: [...paths] } };
    return narrow(schema, await this.call(kind, "update", input, terms));
  }

  async plan<Desc extends DescMessage>(schema: Desc, id: string, values: MessageInitShape<Desc>, more: Input = {}) {
    const kind = kindOf(schema);
    const input = { ...acme, id, [fieldIn(kind, "plan")]: create(schema, { ...acme, ...values }), ...more };
    return this.call(kind, "plan", input);
  }

  async delete(schema: DescMessage, id: string, tenant = acme): Promise<Message> {
    return this.call(kindOf(schema), "delete", { ...tenant, id });
  }

  /** One of a kind's own methods: custom(PortSchema, "AttachDevice", { id, deviceId }). */
  async custom<Desc extends DescMessage>(schema: Desc, name: string, input: Input): Promise<MessageShape<Desc>> {
    return narrow(schema, await this.ask(schema, name, input));
  }

  /** As `custom`, of a method that answers a message of its own: ask(PortSchema, "AnalyzePath", { id, destination, protocol }). */
  async ask(schema: DescMessage, name: string, input: Input): Promise<Message> {
    const kind = kindOf(schema);
    const method = kind.custom.find(({ desc }) => desc.name === name);
    if (method === undefined) throw new Error(`${kind.name} has no method ${name}`);
    const request = create(method.desc.input, { ...acme, ...input });
    return this.resources.custom(kind, method, request, callOf({ method: name }));
  }

  /** Waits until `is` holds. @throws Error after the tests' patience, with what was seen last. */
  async until<Desc extends DescMessage>(
    schema: Desc,
    id: string,
    is: (message: MessageShape<Desc>) => boolean,
    tenant = acme,
  ): Promise<MessageShape<Desc>> {
    return this.#watched(async () => {
      const message = await this.get(schema, id, tenant);
      return is(message) ? message : undefined;
    });
  }

  ready<Desc extends DescMessage>(schema: Desc, id: string, tenant = acme): Promise<MessageShape<Desc>> {
    return this.until(schema, id, (message) => statusOf(message)?.state === State.READY, tenant);
  }

  async gone(schema: DescMessage, id: string, tenant = acme): Promise<void> {
    await this.#watched(async () => ((await outcome(this.get(schema, id, tenant))) === "NOT_FOUND" ? true : undefined));
  }

  stop(): Promise<void> {
    return this.#stop();
  }

  /** Looks again after every commit. */
  async #watched<T>(look: () => Promise<T | undefined>): Promise<T> {
    const deadline = AbortSignal.timeout(patienceMs);
    for (;;) {
      const committed = Promise.withResolvers<void>();
      const stop = this.store.onCommit(() => committed.resolve());
      deadline.addEventListener("abort", () => committed.resolve(), { once: true });
      const found = await look();
      if (found === undefined && !deadline.aborted) await committed.promise;
      stop();
      if (found !== undefined) return found;
      if (deadline.aborted) throw new Error(`what was waited for did not come within ${patienceMs} ms`);
    }
  }
}

export function kindOf(schema: DescMessage): Kind {
  const kind = catalog().byTypeName(schema.typeName);
  if (kind === undefined) throw new Error(`no kind ${schema.typeName}`);
  return kind;
}

/** The field of a request that holds the resource. */
function fieldIn(kind: Kind, verb: StandardVerb): string {
  const field = kind.standard[verb].desc.input.fields.find(({ message }) => message?.typeName === kind.typeName);
  if (field === undefined) throw new Error(`${kind.name}: the request of ${verb} holds no resource`);
  return field.localName;
}

function narrow<Desc extends DescMessage>(schema: Desc, message: Message): MessageShape<Desc> {
  if (!isMessage(message, schema)) throw new Error(`${message.$typeName} is no ${schema.typeName}`);
  return message;
}

function text(message: Message, name: string): string {
  const value: unknown = Reflect.get(message, name);
  return typeof value === "string" ? value : "";
}

function tenantAndId(message: Message) {
  return { id: text(message, "id"), orgId: text(message, "orgId"), projectId: text(message, "projectId") };
}

function statusOf(message: Message): Status | undefined {
  const status: unknown = Reflect.get(message, "status");
  return typeof status === "object" && status !== null && "state" in status ? (status as Status) : undefined;
}

/** What went wrong, as "REASON path:rule …"; "ok" where nothing did. */
export async function outcome(call: Promise<unknown>): Promise<string> {
  const fault = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (fault === undefined) return "ok";
  if (!(fault instanceof Fault)) throw fault;
  return [fault.reason, ...(fault.details.violations ?? []).map((v) => `${v.path}:${v.rule}`)].join(" ");
}

/** @throws Error if the call does not fail with a Fault. */
export async function faultOf(call: Promise<unknown>): Promise<Fault> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Fault) return error;
  throw new Error(`no Fault but ${String(error)}`);
}

/** Opens a cloud with the orgs acme and rival, their projects, and the built-in images. */
export function openSmallCloud(options: { drivers?: SimulatedDrivers; flows?: FlowSource } = {}): Promise<SmallCloud> {
  return openCloudOver({ ...options, drivers: options.drivers ?? simulatedDrivers() });
}

/** As `openSmallCloud`, over any drivers; closes them in the end. */
export async function openCloudOver<D extends Drivers>(options: {
  drivers: D;
  flows?: FlowSource;
  /** Default: one of its own. */
  store?: Store;
  /** Another server's store is this one's, too: what a cloud begins with is there. */
  isReplica?: boolean;
}): Promise<SmallCloud<D>> {
  const clock = systemClock;
  const store = options.store ?? (await openSqliteStore({ file: ":memory:", clock }));
  const { drivers } = options;
  const scopes = [OrgSchema, ProjectSchema].map((schema) => ({ schema, uniqueName: "none" as const }));
  const random = (bytes: number) => randomBytes(bytes);
  const resources = createResources({
    store,
    kinds: [...scopes, ...kinds],
    catalog: catalog(),
    clock,
    random,
    drivers,
    ...(options.flows && { flows: options.flows }),
  });
  const engine = createEngine({
    store,
    drivers,
    clock,
    random: Math.random,
    owner: options.isReplica ? "replica" : "test",
    log: silentLog,
    kinds: resources.engineKinds,
  });
  const stopWaking = wakeOnChange(drivers, store, silentLog);
  const cloud = new SmallCloud({ store, drivers, resources, stop: () => stop({ engine, stopWaking, store, drivers }) });
  engine.start();
  if (options.isReplica !== true) await furnish(cloud);
  return cloud;
}

async function furnish(cloud: Pick<SmallCloud, "call" | "resources">): Promise<void> {
  for (const id of ["acme", "rival"]) await cloud.call(kindOf(OrgSchema), "create", { id });
  for (const { orgId, projectId } of [acme, beta, rival])
    await cloud.call(kindOf(ProjectSchema), "create", { orgId, id: projectId });
  await seedImages(cloud.resources, catalog());
  await seedFlavors(cloud.resources, catalog());
}

interface Running {
  readonly engine: Engine;
  readonly stopWaking: () => void;
  readonly store: Store;
  readonly drivers: Drivers;
}

async function stop({ engine, stopWaking, store, drivers }: Running): Promise<void> {
  stopWaking();
  await engine.stop();
  await drivers.hypervisor.close();
  await drivers.network.close();
  await store.close();
}
