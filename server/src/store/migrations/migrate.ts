// Brings a database to the schema of this code: numbered migrations, run once each, recorded, never edited after release.
import type { Dialect } from "../sql/dialect.ts";
import { integer } from "../sql/row.ts";
import { query, type Script } from "../sql/script.ts";
import { initial } from "./0001-initial.ts";
import { eventCredentials } from "./0002-event-credentials.ts";
import { eventIndexes } from "./0003-event-indexes.ts";
import { limits } from "./0004-limits.ts";

/** The migration at index i makes schema i + 1. Only ever add to the end. */
export const migrations: readonly ((dialect: Dialect) => readonly string[])[] = [
  initial,
  eventCredentials,
  eventIndexes,
  limits,
];

/** The database was written by a newer PhotonCloud than this one. */
export class NewerSchemaError extends Error {
  override readonly name = "NewerSchemaError";
  constructor(found: number, known: number) {
    super(
      `the store has schema ${found}, and this server knows up to ${known}: start the newer server, or restore the backup made before the upgrade`,
    );
  }
}

/**
 * Runs what is missing, inside the caller's transaction. Answers the schema's number.
 *
 * @throws NewerSchemaError if the database is ahead of this code; nothing is changed then.
 */
export function* migrate(dialect: Dialect, now: number, known = migrations): Script<number> {
  const { integer: int } = dialect;
  yield* query(`CREATE TABLE IF NOT EXISTS schema_migrations (number ${int} PRIMARY KEY, applied_at ${int} NOT NULL)`);
  if (dialect.name === "postgres") yield* query("LOCK TABLE schema_migrations IN EXCLUSIVE MODE");
  const [row] = yield* query("SELECT coalesce(max(number), 0) AS number FROM schema_migrations");
  const found = row === undefined ? 0 : integer(row, "number");
  if (found > known.length) throw new NewerSchemaError(found, known.length);
  for (const [index, migration] of known.entries()) {
    if (index < found) continue;
    for (const statement of migration(dialect)) yield* query(statement);
    yield* query("INSERT INTO schema_migrations (number, applied_at) VALUES ($1, $2)", index + 1, now);
  }
  return known.length;
}
