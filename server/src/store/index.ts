// The store: resources, claims, references, events, tasks and the server's own records, on SQLite or on PostgreSQL. The only code that
// issues SQL. It knows no kind and no protobuf.
export { openSqliteStore, type SqliteOptions } from "./sqlite/open.ts";
