// For this folder's tests: IAM with the real handler over a store in memory, checked as the edge checks, in a few words.
import { create, type DescMessage, isMessage, type Message, type MessageShape } from "@bufbuild/protobuf";
import { catalog, type Kind, type StandardVerb } from "@photoncloud/proto";
import {
  IssueTokenRequestSchema,
  type IssueTokenResponse,
  IssueTokenResponseSchema,
} from "@photoncloud/proto/gen/iam/v1/token_pb";
import { simulatedDrivers } from "../../../backends/detect.ts";
import { type Clock, systemClock } from "../../../clock.ts";
import { Fault } from "../../../fault.ts";
import { openSqliteStore } from "../../../store/index.ts";
import type { Store } from "../../../store/store.ts";
import type { Call, ResourcePath } from "../../call.ts";
import { createResources, type Resources } from "../../resources/index.ts";
import { createIam, type Iam, type IamOptions } from "../index.ts";
import { parsePrincipalName } from "../principal-name.ts";

export const issuer = "https://cloud.test";
export const adminPassword = "correct horse battery";
export const alicePassword = "alice has a password";

/** A clock that stands until it is told to go on; sleeps end at once when their time has come. */
export class HeldClock implements Clock {
  #now = Date.UTC(2030, 0, 7, 12);
  readonly #sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      const sleeper = { at: this.#now + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", () => {
        this.#sleepers.delete(sleeper);
        resolve();
      });
    });
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const sleeper of this.#sleepers)
      if (sleeper.at <= this.#now) {
        this.#sleepers.delete(sleeper);
        sleeper.wake();
      }
  }
}

export function kindOf(noun: string): Kind {
  const kind = catalog().byNoun(noun);
  if (kind === undefined) throw new Error(`no kind ${noun}`);
  return kind;
}

/** A call by someone, as "user:acme/alice"; "" for nobody. */
export function callBy(who: string, terms: Partial<Call> = {}): Call {
  const identity = parsePrincipalName(who);
  return {
    principal: identity && { ...identity, project: "", sessionId: "" },
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

export class World {
  readonly store: Store;
  readonly iam: Iam;
  readonly resources: Resources;
  readonly clock: Clock;

  constructor(store: Store, iam: Iam, resources: Resources, clock: Clock) {
    this.store = store;
    this.iam = iam;
    this.resources = resources;
    this.clock = clock;
  }

  /** Calls a standard method in someone's name, without asking whether they may. */
  call(
    who: string,
    noun: string,
    verb: Exclude<StandardVerb, "watch">,
    init: Record<string, unknown>,
  ): Promise<Message> {
    const kind = kindOf(noun);
    return this.resources.unary(kind, verb, create(kind.standard[verb].desc.input, init), callBy(who));
  }

  create(who: string, noun: string, init: Record<string, unknown>): Promise<Message> {
    return this.call(who, noun, "create", init);
  }

  /** Gives a role: bind("user:acme/alice", "OrgAdmin", { orgId: "acme" }). Answers the binding's id. */
  async bind(
    principal: string,
    roleId: string,
    where: Record<string, string>,
    who = "user:system/admin",
  ): Promise<string> {
    return textOf(await this.create(who, "role_binding", { ...where, principal, roleId }), "id");
  }

  async may(
    who: string,
    action: string,
    path: Partial<ResourcePath>,
    attributes: Record<string, string> = {},
    sourceIp = "192.0.2.1",
  ) {
    const { principal } = callBy(who);
    if (principal === undefined) throw new Error(`${who} is no principal`);
    const full = { org: "", project: "", type: "", id: "", ...path };
    return this.iam.authorizer.authorize(principal, action, full, { sourceIp, attributes: async () => attributes });
  }

  async allowed(who: string, action: string, path: Partial<ResourcePath>): Promise<boolean> {
    return (await this.may(who, action, path)).allowed;
  }

  /** Calls a method of IAM's own services: handle("IssueToken", IssueTokenRequestSchema, { … }). */
  async handle<Desc extends DescMessage>(
    method: string,
    schema: Desc,
    init: Record<string, unknown>,
    call = callBy(""),
  ): Promise<Message> {
    const handler = this.iam.handlers.find((one) => method in one.methods)?.methods[method];
    const answer = handler?.(create<DescMessage>(schema, init), call);
    if (answer === undefined || Symbol.asyncIterator in answer) throw new Error(`no method ${method}`);
    return answer;
  }

  async login(init: Record<string, unknown>, call?: Call): Promise<IssueTokenResponse> {
    return as(IssueTokenResponseSchema, await this.handle("IssueToken", IssueTokenRequestSchema, init, call));
  }

  loginAlice(): Promise<IssueTokenResponse> {
    const credential = { case: "password", value: alicePassword };
    return this.login({ orgId: "acme", principalId: "alice", credential });
  }

  async close(): Promise<void> {
    await this.iam.stop();
    await this.store.close();
  }
}

export function as<Desc extends DescMessage>(schema: Desc, answer: Message): MessageShape<Desc> {
  if (!isMessage(answer, schema)) throw new Error(`the answer is a ${answer.$typeName}`);
  return answer;
}

export function textOf(message: Message, name: string): string {
  return String(Reflect.get(message, name));
}

/** The Fault that a call ends with. @throws Error if it succeeds. */
export async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const error = await work.then(
    () => new Error("it succeeded"),
    (reason: unknown) => reason,
  );
  if (error instanceof Fault) return error;
  throw error;
}

/** `again`: another server on a store that has all of it. Two orgs: acme with the projects alpha and beta, the user alice and the service account bot; rival with the user mallory. */
export async function openWorld(
  options: Partial<IamOptions> & { readonly start?: boolean; readonly again?: boolean } = {},
): Promise<World> {
  const clock = options.clock ?? systemClock;
  const store = options.store ?? (await openSqliteStore({ file: ":memory:", clock }));
  const iam = createIam({ catalog: catalog(), issuer, ...options, store, clock });
  const random = options.random ?? ((bytes: number) => crypto.getRandomValues(new Uint8Array(bytes)));
  const resources = createResources({
    store,
    kinds: iam.kinds,
    catalog: catalog(),
    clock,
    random,
    drivers: simulatedDrivers({ clock }),
  });
  if (options.start !== false) iam.start();
  const world = new World(store, iam, resources, clock);
  await iam.bootstrap({ resources, password: adminPassword });
  if (options.again === true) return world;
  const admin = "user:system/admin";
  for (const org of ["acme", "rival"]) await world.create(admin, "org", { id: org });
  for (const id of ["alpha", "beta"]) await world.create(admin, "project", { orgId: "acme", id });
  await world.create(admin, "project", { orgId: "rival", id: "alpha" });
  await world.create(admin, "user", { orgId: "acme", id: "alice", password: alicePassword });
  await world.create(admin, "user", { orgId: "acme", id: "bob" });
  await world.create(admin, "service_account", { orgId: "acme", id: "bot" });
  await world.create(admin, "user", { orgId: "rival", id: "mallory" });
  return world;
}
