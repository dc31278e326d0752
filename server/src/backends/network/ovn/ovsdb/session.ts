// One connection to one server, from the first byte until it breaks: finds out whether it is the right one, reads its schema, brings the
// copy up to date and keeps it so.
import type { Socket } from "node:net";
import { Connection } from "./connection.ts";
import type { DatabaseOptions } from "./database.ts";
import { type Json, listOf, textOf } from "./json.ts";
import { Leadership, leaderMonitor } from "./leader.ts";
import { openStream, type Remote } from "./remote.ts";
import type { Change, Replica } from "./replica.ts";
import { parseSchema, type Schema } from "./schema.ts";

/** The name of our monitor, by which its updates are known. */
const monitor = "photon";

export interface SessionOptions extends DatabaseOptions {
  readonly replica: Replica;
  /** Told after each change of the copy. */
  readonly onChanges: (changes: readonly Change[]) => void;
}

/** Resolves when the copy is up to date. */
export async function openSession(remote: Remote, options: SessionOptions, signal: AbortSignal): Promise<Session> {
  const session = new Session(await openStream(remote, options.tls, signal), options);
  const stop = () => session.close(new Error("aborted"));
  signal.addEventListener("abort", stop, { once: true });
  try {
    signal.throwIfAborted();
    await session.synchronize();
    return session;
  } catch (err) {
    session.close(new Error("the server could not be used", { cause: err }));
    throw err;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

export class Session {
  readonly #options: SessionOptions;
  readonly #connection: Connection;
  readonly #leadership: Leadership;
  readonly #ended = Promise.withResolvers<Error>();
  #schema: Schema = { version: "", tables: new Map() };
  #whole = true;

  constructor(socket: Socket, options: SessionOptions) {
    this.#options = options;
    this.#connection = new Connection(socket, {
      onUpdate: (method, params) => this.#update(method, params),
      onClosed: (cause) => this.#ended.resolve(cause),
    });
    this.#leadership = new Leadership(this.#connection, options.database, options.leaderOnly ?? true);
  }

  get schema(): Schema {
    return this.#schema;
  }

  /** Whether the copy was read anew. */
  get whole(): boolean {
    return this.#whole;
  }

  /** Resolves when the connection is broken, with the cause. */
  get ended(): Promise<Error> {
    return this.#ended.promise;
  }

  /** Bytes that the server has not taken yet. */
  get backlog(): number {
    return this.#connection.backlog;
  }

  async synchronize(): Promise<void> {
    const { database, replica } = this.#options;
    await this.#leadership.check();
    this.#schema = parseSchema(await this.#connection.call("get_schema", [database]));
    replica.use(this.#schema);
    const params = [database, monitor, replica.requests(this.#schema), replica.last];
    await this.#connection.call("monitor_cond_since", params, (answer) => this.#take(answer));
  }

  transact(operations: readonly Json[]): Promise<Json> {
    return this.#connection.call("transact", [this.#options.database, ...operations]);
  }

  close(cause: Error): void {
    this.#connection.close(cause);
  }

  #take(answer: Json): void {
    const { replica, onChanges } = this.#options;
    const [found, last, updates = null] = listOf(answer);
    this.#whole = found !== true;
    onChanges(this.#whole ? replica.reset(updates, textOf(last)) : replica.update(updates, textOf(last)));
  }

  #update(method: string, [name, ...rest]: readonly Json[]): void {
    const updates = rest.at(-1) ?? null;
    if (method === "update2" && name === leaderMonitor) this.#leadership.take(updates);
    if (method === "update3" && name === monitor)
      this.#options.onChanges(this.#options.replica.update(updates, textOf(rest[0])));
  }
}
