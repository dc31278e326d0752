// What every store test needs: a clock that stands still, tenants, keys, writes and events.
import type { Clock } from "../../clock.ts";
import type { Amounts, Claim, NewEvent, Reference, ResourceKey, ResourceWrite, Store, Tenant, Tx } from "../store.ts";

/** A clock that moves only when told to. */
export class StillClock implements Clock {
  #now = Date.UTC(2026, 0, 1);

  now(): number {
    return this.#now;
  }

  advance(ms: number): void {
    this.#now += ms;
  }

  async sleep(): Promise<void> {}
}

/** An opened store, and another one on the same data: of another process where the database allows it, else the same. */
export interface Opened {
  readonly store: Store;
  readonly other: Store;
  readonly clock: StillClock;
  close(): Promise<void>;
}

export type Open = () => Promise<Opened>;

export const alpha: Tenant = { org: "acme", project: "alpha" };
export const beta: Tenant = { org: "acme", project: "beta" };
export const foreign: Tenant = { org: "umbrella", project: "alpha" };

export const text = (value: string) => new TextEncoder().encode(value);
export const plain = (value: Uint8Array) => new TextDecoder().decode(value);

export function keyOf(id: string, tenant = alpha, kind = "test.v1.Thing"): ResourceKey {
  return { tenant, kind, id };
}

export interface Extras {
  readonly claims?: readonly Claim[];
  readonly references?: readonly Reference[];
  readonly data?: string;
  readonly secret?: string;
  readonly name?: string;
  readonly amounts?: Amounts;
  readonly limits?: Amounts;
}

export function writeOf(key: ResourceKey, extras: Extras = {}): ResourceWrite {
  const { claims = [], references = [], data = "data", secret, name = key.id, ...rest } = extras;
  const kept = secret === undefined ? {} : { secret: text(secret) };
  return { ...key, name, data: text(data), claims, references, ...kept, ...rest };
}

export function eventOf(key: ResourceKey, type: NewEvent["type"] = "created"): NewEvent {
  return {
    ...key,
    type,
    version: 1,
    actor: "user:acme/ada",
    sourceIp: "192.0.2.1",
    requestId: "request",
    method: "test.v1.ThingService/CreateThing",
    permission: "test:things:create",
    sessionId: "session-1",
    credential: "password",
    decidedBy: "binding-1",
    times: 1,
    resource: text(key.id),
  };
}

/** Runs a closure that has nothing to wait for. */
export function write<T>(store: Store, run: (tx: Tx) => T): Promise<T> {
  return store.transact(async (tx) => run(tx));
}

export function create(store: Store, key: ResourceKey, extras?: Extras): Promise<void> {
  return write(store, (tx) => tx.create(writeOf(key, extras)));
}

export const reference = (target: ResourceKey, path = "target_id"): Reference => ({ path, target });

/** What a store error says; any other outcome fails. */
export async function refusal(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error && "detail" in error) return error.detail;
    throw error;
  }
  throw new Error("expected a StoreError, and nothing was thrown");
}

/** All events after a cursor, page by page. */
export async function tail(store: Store, after: string, query: { limit: number; tenant?: Tenant }) {
  const events = [];
  let cursor = after;
  for (;;) {
    const page = await store.events(cursor, query);
    events.push(...page.events);
    if (page.cursor === cursor || page.events.length < query.limit) return { events, cursor: page.cursor };
    cursor = page.cursor;
  }
}
