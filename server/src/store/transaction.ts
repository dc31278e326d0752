// One run of a transaction's closure: reads are remembered as expectations, writes are collected into a plan.
import type { Database } from "./database.ts";
import { readList } from "./read/list.ts";
import { readClaims, readGuard, type StampedRow } from "./read/rows.ts";
import { keyString, plainKey, plainTenant } from "./sql/key.ts";
import {
  type Amounts,
  type LimitUse,
  type ListQuery,
  type NewEvent,
  type Remembered,
  type ResourceKey,
  type ResourceRow,
  type ResourceWrite,
  StoreError,
  type Task,
  type TaskOutcome,
  type Tx,
} from "./store.ts";
import { limitUses } from "./write/limits.ts";
import type { Change, Expectation, Kept, Plan } from "./write/plan.ts";
import { referrersOf } from "./write/references.ts";

/** Lists inside a transaction without a limit of their own end here. */
export const defaultLimit = 10_000;

export class Transaction implements Tx {
  readonly now: number;
  readonly #database: Database;
  readonly #stamp: string;
  readonly #reads = new Map<string, Promise<{ readonly key: ResourceKey; readonly found: StampedRow | undefined }>>();
  readonly #seen = new Map<string, Expectation>();
  readonly #had = new Map<string, Amounts | undefined>();
  readonly #guards = new Map<string, Promise<number>>();
  readonly #guarded = new Set<string>();
  readonly #changes = new Map<string, Change>();
  readonly #events: NewEvent[] = [];
  readonly #schedules: { key: ResourceKey; at: number }[] = [];
  readonly #settles: { task: Task; outcome: TaskOutcome }[] = [];
  readonly #remembers: Kept[] = [];
  #listed = false;
  #guardedLate = false;

  /** Guards that an earlier run turned out to need are read at once, before the closure reads anything. */
  constructor(database: Database, options: { now: number; stamp: string; guards: readonly string[] }) {
    this.#database = database;
    this.now = options.now;
    this.#stamp = options.stamp;
    for (const name of options.guards) void this.#readGuard(name);
  }

  async get(key: ResourceKey): Promise<ResourceRow | undefined> {
    const name = keyString(key);
    const reading = this.#reads.get(name) ?? this.#readResource(plainKey(key));
    this.#reads.set(name, reading);
    const { found } = await reading;
    const seen = found && { stamp: found.stamp, phase: found.row.phase };
    this.#seen.set(name, { key: plainKey(key), seen });
    this.#had.set(name, found?.amounts);
    return found?.row;
  }

  async list(query: ListQuery): Promise<readonly ResourceRow[]> {
    await this.#beforeListing();
    return this.#database.read(readList(query));
  }

  async claims(space: string, limit = defaultLimit) {
    await this.#beforeListing();
    return this.#database.read(readClaims(space, limit));
  }

  async referrers(key: ResourceKey, limit = defaultLimit) {
    await this.#beforeListing();
    return this.#database.read(referrersOf(key, limit));
  }

  guard(name: string): void {
    this.#guarded.add(name);
    if (this.#guards.has(name)) return;
    if (this.#listed) this.#guardedLate = true;
    void this.#readGuard(name);
  }

  limitUses(): Promise<readonly LimitUse[]> {
    return this.#database.read(limitUses([...this.#changes.values()], { lock: "", written: false }));
  }

  create(write: ResourceWrite): void {
    const name = keyString(write);
    if (this.#changes.get(name)?.put !== undefined) {
      throw new StoreError({ reason: "duplicate_id", key: plainKey(write) });
    }
    this.#change(write).put = { mode: "create", write: copyWrite(write) };
  }

  update(write: ResourceWrite): void {
    const name = keyString(write);
    const mode = this.#changes.get(name)?.put?.mode ?? "update";
    if (mode === "update" && this.#seen.get(name)?.seen === undefined) {
      throw new TypeError(`update of ${write.kind} ${write.id}: read it with get() in the same transaction first`);
    }
    this.#change(write).put = { mode, write: copyWrite(write), had: this.#had.get(name) };
  }

  observe(key: ResourceKey, observed: Uint8Array): void {
    this.#change(key).observed = new Uint8Array(observed);
  }

  measure(key: ResourceKey, amounts: Amounts): void {
    this.#change(key).measured = { ...amounts };
  }

  tombstone(key: ResourceKey): void {
    this.#change(key).end ??= "tombstone";
  }

  remove(key: ResourceKey): void {
    this.#change(key).end = "remove";
  }

  append(event: NewEvent): void {
    this.#events.push({ ...event, tenant: plainTenant(event.tenant), resource: new Uint8Array(event.resource) });
  }

  schedule(key: ResourceKey, at = this.now): void {
    this.#schedules.push({ key: plainKey(key), at: Math.floor(at) });
  }

  settle(task: Task, outcome: TaskOutcome): void {
    this.#settles.push({ task: { ...task, key: plainKey(task.key) }, outcome: { ...outcome } });
  }

  remember(scope: string, key: string, kept: Remembered, expiresAt: number): void {
    const copy = { requestHash: kept.requestHash, answer: new Uint8Array(kept.answer) };
    this.#remembers.push({ scope, key, kept: copy, expiresAt });
  }

  /** True if a guard was named only after lists were read, which it therefore can't vouch for. */
  get guardedLate(): boolean {
    return this.#guardedLate;
  }

  get guardNames(): readonly string[] {
    return [...this.#guarded].sort();
  }

  async plan(): Promise<Plan> {
    const guards = this.guardNames.map(async (name) => ({ name, counter: await this.#readGuard(name) }));
    return {
      now: this.now,
      stamp: this.#stamp,
      expectations: sorted(this.#seen),
      guards: await Promise.all(guards),
      changes: sorted(this.#changes),
      events: this.#events,
      schedules: this.#schedules,
      settles: this.#settles,
      remembers: this.#remembers,
    };
  }

  async #readResource(key: ResourceKey) {
    await Promise.all(this.#guards.values());
    return { key, found: await this.#database.readRow(key) };
  }

  #readGuard(name: string): Promise<number> {
    const reading = this.#guards.get(name) ?? this.#database.read(readGuard(name));
    // Whoever reads next, or makes the plan, meets the error; until then it must not count as unhandled.
    reading.catch(() => undefined);
    this.#guards.set(name, reading);
    return reading;
  }

  /** What is read after a guard must be read after its counter. */
  async #beforeListing(): Promise<void> {
    this.#listed = true;
    await Promise.all(this.#guards.values());
  }

  #change(key: ResourceKey): Change {
    const name = keyString(key);
    const change: Change = this.#changes.get(name) ?? { key: plainKey(key) };
    this.#changes.set(name, change);
    return change;
  }
}

/** A copy that is the store's own: what the closure does to its objects afterwards does not matter. */
function copyWrite(write: ResourceWrite): ResourceWrite {
  return {
    ...plainKey(write),
    name: write.name,
    data: new Uint8Array(write.data),
    ...(write.secret === undefined ? {} : { secret: new Uint8Array(write.secret) }),
    claims: write.claims.map(({ space, key, drawn }) => ({ space, key, drawn: drawn === true })),
    references: write.references.map(({ path, target }) => ({ path, target: plainKey(target) })),
    ...(write.amounts && { amounts: { ...write.amounts } }),
    ...(write.limits && { limits: { ...write.limits } }),
  };
}

/** By key, so that transactions take their locks in one order. */
function sorted<T>(byKey: ReadonlyMap<string, T>): readonly T[] {
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}
