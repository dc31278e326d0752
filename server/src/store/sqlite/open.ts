// Opens the embedded store.
import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Clock, systemClock } from "../../clock.ts";
import { DatabaseStore } from "../database-store.ts";
import { migrate } from "../migrations/migrate.ts";
import { sqlite } from "../sql/dialect.ts";
import { runSync } from "../sql/script.ts";
import type { Store } from "../store.ts";
import { dropLeases } from "../write/tasks.ts";
import { Connection } from "./connection.ts";
import { SqliteDatabase } from "./database.ts";
import { lockStore } from "./lock.ts";
import { inlineWriter, threadWriter } from "./writer.ts";

export interface SqliteOptions {
  /** A path, made with its folders if it is not there; or ":memory:", which ends with the store. */
  readonly file: string;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/**
 * Opens a store in one file, and brings its schema up to date.
 *
 * @throws StoreInUseError if another server has it open; NewerSchemaError if a newer PhotonCloud wrote it.
 */
export async function openSqliteStore({ file, clock = systemClock }: SqliteOptions): Promise<Store> {
  if (file === ":memory:") return memoryStore(clock);
  const path = resolve(file);
  makePrivate(path);
  const unlock = lockStore(path);
  try {
    const reader = migrated(path, clock);
    return new DatabaseStore(new SqliteDatabase(reader, (events) => threadWriter(path, events), unlock), clock);
  } catch (error) {
    unlock();
    throw error;
  }
}

function memoryStore(clock: Clock): Store {
  const connection = migrated(":memory:", clock);
  const database = new SqliteDatabase(
    connection,
    (events) => inlineWriter(connection, events),
    () => undefined,
  );
  return new DatabaseStore(database, clock);
}

/** The store holds password hashes and signing keys: nobody but its owner may read it. */
function makePrivate(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  for (const file of [path, `${path}.lock`]) {
    // Not touched if it is there: closing a file drops the locks that this process has on it.
    if (!existsSync(file)) closeSync(openSync(file, "a", 0o600));
  }
}

/** Up to date, and with nothing of what a dead process had begun held back from the next. */
function migrated(path: string, clock: Clock): Connection {
  const connection = new Connection(path);
  try {
    connection.exec("BEGIN IMMEDIATE");
    runSync(migrate(sqlite, clock.now()), connection.execute);
    runSync(dropLeases(clock.now()), connection.execute);
    connection.exec("COMMIT");
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}
