// The distributed database: every process of the server reads and writes through a pool of its own.
import type pg from "pg";
import type { Database, Written } from "../database.ts";
import { Listeners } from "../listeners.ts";
import { readEvents } from "../read/log.ts";
import { readResource } from "../read/rows.ts";
import { postgres } from "../sql/dialect.ts";
import { type Row, runAsync, type Script, type Statement } from "../sql/script.ts";
import { type EventQuery, type ResourceKey, StoreError } from "../store.ts";
import { type Answer, type Input, isNews, type ScriptName, scripts } from "../write/scripts.ts";
import { execute, isLost, openPool } from "./client.ts";
import { Hints } from "./hints.ts";
import { postgresLog } from "./log.ts";
import { settledAlone, Together } from "./together.ts";
import { inTransaction } from "./transaction.ts";

export class PostgresDatabase implements Database {
  readonly dialect = postgres;
  readonly #pool: pg.Pool;
  readonly #pipelined: pg.Pool;
  readonly #together: Together;
  readonly #hints: Hints;
  readonly #listeners = new Listeners();
  #closing: Promise<void> | undefined;

  constructor(pool: pg.Pool, url: string) {
    this.#pool = pool;
    // One at a time: what comes meanwhile goes into the next.
    this.#pipelined = openPool({ url, connections: 1, pipeline: true });
    this.#together = new Together({
      pool: this.#pipelined,
      script: (plan) => scripts.apply(plan, postgres),
      alone: (plan) => inTransaction(pool, () => scripts.apply(plan, postgres)),
    });
    this.#hints = new Hints(url, () => this.#listeners.notify());
  }

  /** Begins to hear of other processes' commits. */
  listen(): Promise<void> {
    return this.#hints.open();
  }

  async read<T>(script: Script<T>): Promise<T> {
    this.#assertOpen();
    return runAsync(script, (statement) => this.#ask(statement));
  }

  /** On a connection that lives: to read once more changes nothing. */
  async #ask(statement: Statement): Promise<readonly Row[]> {
    for (let left = this.#pool.options.max; ; left--)
      try {
        return await execute(this.#pool, statement);
      } catch (error) {
        if (!isLost(error) || left <= 0) throw error;
      }
  }

  readRow(key: ResourceKey) {
    return this.read(readResource(key));
  }

  async write<Name extends ScriptName>(name: Name, input: Input<Name>): Promise<Written<Answer<Name>>> {
    this.#assertOpen();
    const written = await this.#writeNow(name, input);
    if (written.done && isNews(name)) this.#hints.committed();
    return written;
  }

  #writeNow<Name extends ScriptName>(name: Name, input: Input<Name>): Promise<Written<Answer<Name>>> {
    const end = name === "apply" && "settles" in input ? settledAlone(input) : undefined;
    if (end !== undefined && "settles" in input) {
      // A plan's answer: it is of the script "apply".
      return this.#together.write(input, end) as Promise<Written<Answer<Name>>>;
    }
    // TypeScript does not see that a name's script takes that name's input.
    const script = scripts[name] as (input: Input<Name>, dialect: typeof postgres) => Script<Answer<Name>>;
    return inTransaction(this.#pool, () => script(input, postgres));
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
    this.#closing ??= Promise.all([this.#pool.end(), this.#pipelined.end(), this.#hints.close()]).then(() => undefined);
    return this.#closing;
  }

  #assertOpen(): void {
    if (this.#closing) throw new StoreError({ reason: "closed" });
  }
}
