// The embedded database: reads in this thread on a connection of their own, writes through the single writer.
import type { Database, Written } from "../database.ts";
import { Listeners } from "../listeners.ts";
import { readEvents } from "../read/log.ts";
import { readResource, type StampedRow } from "../read/rows.ts";
import { sqlite } from "../sql/dialect.ts";
import { runSync, type Script } from "../sql/script.ts";
import { type EventQuery, type ResourceKey, StoreError } from "../store.ts";
import { type Answer, type Input, isNews, type ScriptName } from "../write/scripts.ts";
import type { Reply, Request } from "./batch.ts";
import type { Connection } from "./connection.ts";
import { sqliteLog } from "./log.ts";
import { RowCache } from "./row-cache.ts";
import type { Writer, WriterEvents } from "./writer.ts";

interface Waiting {
  readonly news: boolean;
  /** Called when it is known how the write ended. */
  readonly ended: () => void;
  resolve(written: Written<unknown>): void;
  reject(error: Error): void;
}

export class SqliteDatabase implements Database {
  readonly dialect = sqlite;
  readonly #reader: Connection;
  readonly #writer: Writer;
  readonly #release: () => void;
  readonly #listeners = new Listeners();
  readonly #rows = new RowCache();
  readonly #waiting = new Map<number, Waiting>();
  #posting: Request[] = [];
  #nextId = 0;
  #ended: Error | undefined;

  /** `release` runs when the database is closed. */
  constructor(reader: Connection, startWriter: (events: WriterEvents) => Writer, release: () => void) {
    this.#reader = reader;
    this.#release = release;
    this.#writer = startWriter({
      replied: (replies) => this.#replied(replies),
      died: (error) => this.#end(new Error("the store's writer has failed", { cause: error })),
    });
  }

  async read<T>(script: Script<T>): Promise<T> {
    if (this.#ended) throw this.#ended;
    return runSync(script, this.#reader.execute);
  }

  async readRow(key: ResourceKey): Promise<StampedRow | undefined> {
    if (this.#ended) throw this.#ended;
    return this.#rows.get(key, (one) => runSync(readResource(one), this.#reader.execute));
  }

  async write<Name extends ScriptName>(name: Name, input: Input<Name>): Promise<Written<Answer<Name>>> {
    if (this.#ended) throw this.#ended;
    const { promise, resolve, reject } = Promise.withResolvers<Written<unknown>>();
    const id = this.#nextId++;
    this.#waiting.set(id, { news: isNews(name), ended: this.#beginning(input), resolve, reject });
    if (this.#posting.length === 0) setImmediate(() => this.#post());
    this.#posting.push({ id, name, input });
    // The writer ran the script of this name, so this is its answer.
    return promise as Promise<Written<Answer<Name>>>;
  }

  /** Of all scripts, one changes rows: that which takes a plan. */
  #beginning(input: Input<ScriptName>): () => void {
    return "changes" in input ? this.#rows.begin(input) : () => undefined;
  }

  readEvents(after: string, query: EventQuery) {
    return readEvents(sqliteLog, after, query);
  }

  *readHead(): Script<string> {
    return sqliteLog.format(yield* sqliteLog.end());
  }

  onCommit(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    if (this.#ended) return;
    this.#post();
    this.#ended = new StoreError({ reason: "closed" });
    await this.#writer.close();
    this.#end(this.#ended);
    this.#reader.close();
    this.#release();
  }

  /** All that was asked for in one turn of the event loop goes in one message. */
  #post(): void {
    const requests = this.#posting;
    this.#posting = [];
    if (requests.length > 0) this.#writer.post(requests);
  }

  #replied(replies: readonly Reply[]): void {
    let news = false;
    for (const reply of replies) {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      waiting?.ended();
      news ||= reply.outcome === "done" && waiting?.news === true;
      if (reply.outcome === "done") waiting?.resolve({ done: true, answer: reply.answer });
      else if (reply.outcome === "refused") waiting?.resolve({ done: false, refusal: reply.refusal });
      else waiting?.reject(new Error(`the store could not write: ${reply.message}`));
    }
    if (news) this.#listeners.notify();
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#ended);
    this.#waiting.clear();
  }
}
