// The store: resources, claims, references, events, tasks and the server's own records, on SQLite or on PostgreSQL. The only code that
// issues SQL. It knows no kind and no protobuf.

export { NewerSchemaError } from "./migrations/migrate.ts";
export { openStore } from "./open.ts";
export { NotDurableError, openPostgresStore, type PostgresOptions } from "./postgres/open.ts";
export { StoreInUseError } from "./sqlite/lock.ts";
export { openSqliteStore, type SqliteOptions } from "./sqlite/open.ts";
