// The distributed database: every process of the server reads and writes through a pool of its own.
import type pg from "pg";
import type { Database, Written } from "../database.ts";
import { Listeners } from "../listeners.ts";
import { readEvents } from "../read/log.ts";
import { readResource } from "../read/rows.ts";
import { postgres } from "../sql/dialect.ts";
import { runAsync, type Script } from "../sql/script.ts";
import { type EventQuery, type ResourceKey, StoreError } from "../store.ts";
import { type Answer, type Input, isNews, type ScriptName, scripts } from "../write/scripts.ts";
import { execute } from "./client.ts";
import { Hints } from "./hints.ts";
import { postgresLog } from "./log.ts";
import { inTransaction } from "./transaction.ts";

export class PostgresDatabase implements Database {
  readonly dialect = postgres;
  readonly #pool: pg.Pool;
  readonly #hints: Hints;
  readonly #listeners = new Listeners();
  #closing: Promise<void> | undefined;

  constructor(pool: pg.Pool, url: string) {
    this.#pool = pool;
    this.#hints = new Hints(url, () => this.#listeners.notify());
  }

  /** Begins to hear of other processes' commits. */
  listen(): Promise<void> {
    return this.#hints.open();
  }

  async read<T>(script: Script<T>): Promise<T> {
    this.#assertOpen();
    return runAsync(script, (statement) => execute(this.#pool, statement));
  }

  readRow(key: ResourceKey) {
    return this.read(readResource(key));
  }

  async write<Name extends ScriptName>(name: Name, input: Input<Name>): Promise<Written<Answer<Name>>> {
    this.#assertOpen();
    // TypeScript does not see that a name's script takes that name's input.
    const script = scripts[name] as (input: Input<Name>, dialect: typeof postgres) => Script<Answer<Name>>;
    const written = await inTransaction(this.#pool, () => script(input, postgres));
    if (written.done && isNews(name)) this.#hints.committed();
    return written;
  }

  readEvents(after: string, query: EventQuery) {
    return readEvents(postgresLog, after, query);
  }

  *readHead(): Script<string> {
    return postgresLog.format(yield* postgresLog.end());
  }

  onCommit(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all([this.#pool.end(), this.#hints.close()]).then(() => undefined);
    return this.#closing;
  }

  #assertOpen(): void {
    if (this.#closing) throw new StoreError({ reason: "closed" });
  }
}
