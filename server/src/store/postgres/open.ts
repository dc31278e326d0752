// Opens the distributed store.
import type pg from "pg";
import { type Clock, systemClock } from "../../clock.ts";
import { DatabaseStore } from "../database-store.ts";
import { migrate } from "../migrations/migrate.ts";
import { postgres } from "../sql/dialect.ts";
import type { Store } from "../store.ts";
import { openPool, sqlState } from "./client.ts";
import { PostgresDatabase } from "./database.ts";
import { inTransaction } from "./transaction.ts";

export interface PostgresOptions {
  /** "postgres://user:password@host/database"; all servers of one cloud name the same database. */
  readonly url: string;
  /** Default: the system's. All servers' clocks should agree to a second: leases are counted by them. */
  readonly clock?: Clock;
  /** Connections of this process. Default 16: about as many commits as PostgreSQL syncs together on one disk. */
  readonly connections?: number;
}

/** What PostgreSQL acknowledges may be lost: with this setting the store can't keep its promise. */
export class NotDurableError extends Error {
  override readonly name = "NotDurableError";
  constructor(setting: string) {
    super(`PostgreSQL runs with ${setting}=off and may lose what it acknowledged: set ${setting}=on and start again`);
  }
}

/**
 * Opens a store in a PostgreSQL database, and brings its schema up to date.
 *
 * @throws NotDurableError; NewerSchemaError if a newer PhotonCloud wrote it; the client's errors where it can't be reached.
 */
export async function openPostgresStore({
  url,
  clock = systemClock,
  connections = 16,
}: PostgresOptions): Promise<Store> {
  const pool = openPool({ url, connections });
  try {
    for (const setting of ["fsync", "synchronous_commit"]) await assertOn(pool, setting);
    await migrated(pool, clock);
    const database = new PostgresDatabase(pool, url);
    await database.listen();
    return new DatabaseStore(database, clock);
  } catch (error) {
    await pool.end();
    throw error;
  }
}

async function assertOn(pool: pg.Pool, setting: string): Promise<void> {
  const { rows } = await pool.query<{ value: string }>("SELECT current_setting($1) AS value", [setting]);
  if (rows[0]?.value === "off") throw new NotDurableError(setting);
}

/** Two servers that start at once may both make the first table; who loses tries again and finds it. */
const alreadyThere = new Set(["23505", "42P07"]);

async function migrated(pool: pg.Pool, clock: Clock, tries = 5): Promise<void> {
  try {
    await inTransaction(pool, () => migrate(postgres, clock.now()));
  } catch (error) {
    if (!alreadyThere.has(sqlState(error) ?? "") || tries <= 1) throw error;
    await migrated(pool, clock, tries - 1);
  }
}
