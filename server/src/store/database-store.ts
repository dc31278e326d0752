// The store on any database.
import { randomBytes } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { Database } from "./database.ts";
import { DatabaseRecords, stored } from "./database-records.ts";
import { readIds, readList } from "./read/list.ts";
import { readAnswer, readHolder, readNextDue } from "./read/rows.ts";
import { readUnmeasured, readUsage } from "./read/usage.ts";
import type { EventQuery, IdsQuery, ListQuery, ResourceKey, Store, Task, Tenant, Tx } from "./store.ts";
import { Sweeper } from "./sweeper.ts";
import { Transactor } from "./transact.ts";
import { defaultLimit } from "./transaction.ts";
import { limitsAt } from "./write/limits.ts";
import { referrersOf } from "./write/references.ts";

export class DatabaseStore implements Store {
  readonly records: DatabaseRecords;
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #transactor: Transactor;
  readonly #sweeper: Sweeper;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#transactor = new Transactor(database, clock);
    this.#sweeper = new Sweeper(database, clock);
    this.records = new DatabaseRecords(database, clock);
  }

  async transact<T>(run: (tx: Tx) => Promise<T>): Promise<T> {
    this.#sweeper.maybeSweep();
    return this.#transactor.transact(run);
  }

  async rehearse<T>(run: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#transactor.rehearse(run);
  }

  async get(key: ResourceKey) {
    return (await this.#database.readRow(key))?.row;
  }

  list(query: ListQuery) {
    return this.#database.read(readList(query));
  }

  ids(query: IdsQuery) {
    return this.#database.read(readIds(query));
  }

  referrers(key: ResourceKey, limit = defaultLimit) {
    return this.#database.read(referrersOf(key, limit));
  }

  holder(space: string, key: string) {
    return this.#database.read(readHolder(space, key));
  }

  recall(scope: string, key: string) {
    return this.#database.read(readAnswer(scope, key, this.#clock.now()));
  }

  usage(scope: Tenant, measures: readonly string[]) {
    return this.#database.read(readUsage(scope, measures));
  }

  unmeasured(kind: string, measures: readonly string[], limit: number) {
    return this.#database.read(readUnmeasured(kind, measures, limit));
  }

  limits(tenant: Tenant) {
    return this.#database.read(limitsAt(tenant));
  }

  async lease(options: Parameters<Store["lease"]>[0]): Promise<readonly Task[]> {
    const { owner, limit, leaseMs, kinds } = options;
    if (limit <= 0 || kinds?.length === 0) return [];
    const lease = `${owner}/${randomBytes(9).toString("base64url")}`;
    const input = { lease, now: this.#clock.now(), leaseMs, limit, kinds };
    return stored(await this.#database.write("leaseTasks", input));
  }

  async renew(tasks: readonly Task[], leaseMs: number): Promise<readonly Task[]> {
    if (tasks.length === 0) return [];
    return stored(await this.#database.write("renewTasks", { tasks, until: this.#clock.now() + leaseMs }));
  }

  nextDue() {
    return this.#database.read(readNextDue(this.#clock.now()));
  }

  async scheduleAll(kind: string, spreadMs: number): Promise<number> {
    return stored(await this.#database.write("scheduleKind", { kind, now: this.#clock.now(), spreadMs }));
  }

  head() {
    return this.#database.read(this.#database.readHead());
  }

  async events(after: string, query: EventQuery) {
    return this.#database.read(this.#database.readEvents(after, query));
  }

  onCommit(listener: () => void): () => void {
    return this.#database.onCommit(listener);
  }

  async healthy(): Promise<boolean> {
    return this.records.probe();
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
