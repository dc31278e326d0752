// A client of an OVSDB server or cluster (RFC 7047 and ovsdb-server(7)): keeps the copy, writes to the leader, comes back after every loss.
//
// What a transaction means here beyond the RFC: an insert whose UUID is there already sets the row's columns instead, so that a transaction
// whose answer was lost may be sent again; an `update` of a missing row, or a `mutate` that inserts into one, refuses the whole transaction;
// a `delete` of a missing row, or a `mutate` that only removes from one, is done already.
import { type Clock, systemClock } from "../../../../clock.ts";
import { Listeners } from "../../../listeners.ts";
import {
  type Database,
  type DatabaseOptions,
  type Operation,
  OvsdbError,
  type Row,
  type RowChange,
} from "./database.ts";
import { follow } from "./follow.ts";
import { OwnChanges } from "./own-changes.ts";
import { parseRemotes } from "./remote.ts";
import { type Change, Replica } from "./replica.ts";
import type { Session } from "./session.ts";
import { Writer } from "./writer.ts";

/** Chance and time, injected by tests. */
export interface ClientParts {
  readonly clock?: Clock;
  readonly random?: () => number;
}

/**
 * Opens a database: resolves when the copy is there, and tries until then.
 *
 * @throws OvsdbError "refused" if the options can't be right, "closed" if the signal aborts before; its cause is the last failure.
 */
export async function openDatabase(
  options: DatabaseOptions,
  signal?: AbortSignal,
  parts: ClientParts = {},
): Promise<Database> {
  const client = new Client(options, parts);
  const abort = () => void client.close();
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  try {
    await client.opened;
    return client;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

class Client implements Database {
  readonly #options: DatabaseOptions;
  readonly #replica: Replica;
  readonly #own = new OwnChanges();
  readonly #writer: Writer;
  readonly #changes = new Listeners<readonly RowChange[]>();
  readonly #reconnects = new Listeners<{ readonly whole: boolean }>();
  readonly #closing = new AbortController();
  readonly #opened = Promise.withResolvers<void>();
  readonly #followed: Promise<void>;
  #session: Session | undefined;
  /** The last one, also while the connection is lost. */
  #schema: Session["schema"] = { version: "", tables: new Map() };
  #everOpened = false;
  #lastFailure: unknown;

  constructor(options: DatabaseOptions, { clock = systemClock, random = Math.random }: ClientParts) {
    this.#options = options;
    this.#replica = new Replica(options.monitor, (uuid) => this.#own.inserted(uuid));
    this.#writer = new Writer(this.#replica, this.#own);
    const ways = {
      remotes: parseRemotes(options.remote, options.tls),
      replica: this.#replica,
      clock,
      random,
      onChanges: (changes: readonly Change[]) => this.#tell(changes),
      onSession: (session: Session) => this.#use(session),
      onLost: () => this.#lose(),
      onFailure: (cause: unknown) => {
        this.#lastFailure = cause;
      },
    };
    this.#followed = follow({ ...options, ...ways }, this.#closing.signal);
  }

  /** Resolves when there is a copy. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  get version(): string {
    return this.#schema.version;
  }

  get connected(): boolean {
    return this.#session !== undefined;
  }

  has(table: string, column: string): boolean {
    return this.#schema.tables.get(table)?.has(column) === true;
  }

  row(table: string, uuid: string): Row | undefined {
    return this.#replica.rows(table).get(uuid);
  }

  rows(table: string): ReadonlyMap<string, Row> {
    return this.#replica.rows(table);
  }

  transact(operations: readonly Operation[], signal?: AbortSignal): Promise<readonly number[]> {
    return this.#writer.transact(operations, signal);
  }

  onChange(listener: (changes: readonly RowChange[]) => void): () => void {
    return this.#changes.add(this.#guarded(listener));
  }

  onReconnect(listener: (event: { readonly whole: boolean }) => void): () => void {
    return this.#reconnects.add(this.#guarded(listener));
  }

  async until<T>(condition: (database: Database) => T | undefined, signal: AbortSignal): Promise<T> {
    const over = AbortSignal.any([signal, this.#closing.signal]);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const look = () => {
      try {
        const found = condition(this);
        if (found !== undefined) resolve(found);
      } catch (err) {
        reject(err);
      }
    };
    const fail = () => reject(over.reason);
    over.addEventListener("abort", fail, { once: true });
    const stops = [this.#changes.add(look), this.#reconnects.add(look)];
    if (over.aborted) fail();
    else look();
    return promise.finally(() => {
      over.removeEventListener("abort", fail);
      for (const stop of stops) stop();
    });
  }

  async close(): Promise<void> {
    if (!this.#closing.signal.aborted) {
      const closed = new OvsdbError("closed", "the client is closed", { cause: this.#lastFailure });
      this.#writer.close();
      this.#closing.abort(closed);
      this.#opened.reject(closed);
      this.#opened.promise.catch(() => undefined);
    }
    await this.#followed;
  }

  #use(session: Session): void {
    this.#session = session;
    this.#schema = session.schema;
    this.#opened.resolve();
    if (this.#everOpened) this.#reconnects.tell({ whole: session.whole });
    this.#everOpened = true;
    this.#writer.use(session);
  }

  #lose(): void {
    this.#session = undefined;
    this.#writer.use(undefined);
  }

  #tell(changes: readonly Change[]): void {
    if (changes.length > 0) this.#changes.tell(this.#own.mark(changes));
  }

  /** A listener that fails must not cost the connection, nor keep others from hearing. */
  #guarded<T>(listener: (event: T) => void): (event: T) => void {
    return (event) => {
      try {
        listener(event);
      } catch (err) {
        this.#options.log?.(`a listener of ${this.#options.database} failed`, err);
      }
    };
  }
}
