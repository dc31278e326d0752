// The first schema. Every table that belongs to tenants carries their columns, and no index names a resource without them.
import type { Dialect } from "../sql/dialect.ts";

export function initial(dialect: Dialect): readonly string[] {
  const { text, integer, bytes } = dialect;
  const key = `kind ${text} NOT NULL, org ${text} NOT NULL, project ${text} NOT NULL, id ${text} NOT NULL`;
  const strict = dialect.name === "sqlite" ? " STRICT" : "";
  const withoutRowid = dialect.name === "sqlite" ? " WITHOUT ROWID, STRICT" : "";
  return [
    // `stamp` names the write that left the row as it is: a reader that sees the same stamp sees the same row.
    `CREATE TABLE resources (${key}, name ${text} NOT NULL, phase ${text} NOT NULL, version ${integer} NOT NULL,
       stamp ${text} NOT NULL, data ${bytes} NOT NULL, observed ${bytes} NOT NULL, secret ${bytes} NOT NULL,
       created_at ${integer} NOT NULL, updated_at ${integer} NOT NULL, PRIMARY KEY (kind, org, project, id))${strict}`,
    // The name leads, so that no planner takes this index for a look-up by key; the id follows, since lists are in its order.
    "CREATE INDEX resources_by_name ON resources (name, kind, org, project, id)",

    `CREATE TABLE claims (space ${text} NOT NULL, key ${text} NOT NULL, ${key}, PRIMARY KEY (space, key))${withoutRowid}`,
    "CREATE INDEX claims_by_owner ON claims (kind, org, project, id)",

    `CREATE TABLE refs (${key}, path ${text} NOT NULL, target_kind ${text} NOT NULL, target_org ${text} NOT NULL,
       target_project ${text} NOT NULL, target_id ${text} NOT NULL,
       PRIMARY KEY (kind, org, project, id, path, target_kind, target_org, target_project, target_id))${withoutRowid}`,
    "CREATE INDEX refs_by_target ON refs (target_kind, target_org, target_project, target_id)",

    // next_at: when the task falls due, or, while it is leased, when the lease runs out. woken_at: scheduled during the lease.
    `CREATE TABLE tasks (${key}, next_at ${integer} NOT NULL, woken_at ${integer}, since ${integer} NOT NULL,
       attempt ${integer} NOT NULL, step ${text} NOT NULL, lease ${text} NOT NULL,
       PRIMARY KEY (kind, org, project, id))${withoutRowid}`,
    "CREATE INDEX tasks_by_time ON tasks (next_at)",

    ...eventTable(dialect, key, strict),

    `CREATE TABLE guards (name ${text} PRIMARY KEY NOT NULL, counter ${integer} NOT NULL)${withoutRowid}`,
    `CREATE TABLE answers (scope ${text} NOT NULL, key ${text} NOT NULL, request_hash ${text} NOT NULL,
       answer ${bytes} NOT NULL, expires_at ${integer} NOT NULL, PRIMARY KEY (scope, key))${strict}`,
    "CREATE INDEX answers_by_time ON answers (expires_at)",
    `CREATE TABLE records (space ${text} NOT NULL, key ${text} NOT NULL, value ${bytes} NOT NULL,
       version ${integer} NOT NULL, expires_at ${integer}, PRIMARY KEY (space, key))${strict}`,
    "CREATE INDEX records_by_time ON records (expires_at)",
  ];
}

/** SQLite has one writer, so that the order of `seq` is the order of commits. PostgreSQL has many: there `xid` leads (see postgres/log.ts). */
function eventTable(dialect: Dialect, key: string, strict: string): readonly string[] {
  const { text, integer, bytes } = dialect;
  const columns = `type ${text} NOT NULL, ${key}, version ${integer} NOT NULL, time ${integer} NOT NULL, actor ${text} NOT NULL,
    source_ip ${text} NOT NULL, request_id ${text} NOT NULL, method ${text} NOT NULL, permission ${text} NOT NULL,
    resource ${bytes} NOT NULL`;
  if (dialect.name === "sqlite") {
    return [
      `CREATE TABLE events (seq integer PRIMARY KEY AUTOINCREMENT, ${columns})${strict}`,
      "CREATE INDEX events_by_tenant ON events (org, project, seq)",
      "CREATE INDEX events_by_resource ON events (id, seq)",
    ];
  }
  return [
    `CREATE TABLE events (xid xid8 NOT NULL DEFAULT pg_current_xact_id(), seq bigserial NOT NULL, ${columns}, PRIMARY KEY (xid, seq))`,
    "CREATE INDEX events_by_tenant ON events (org, project, xid, seq)",
    "CREATE INDEX events_by_resource ON events (id, xid, seq)",
  ];
}
