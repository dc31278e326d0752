// Reads single rows and short lists.
import { isKey, keyValues } from "../sql/key.ts";
import { amounts, bytes, integer, optionalInteger, resourceKey, resourceRow, text } from "../sql/row.ts";
import { query, type Row, type Script } from "../sql/script.ts";
import type { Amounts, Remembered, ResourceKey, ResourceRow, ServerRecord } from "../store.ts";

/** A row with the stamp of the write that left it so. */
export interface StampedRow {
  readonly row: ResourceRow;
  readonly stamp: string;
  readonly amounts: Amounts | undefined;
}

export function* readResource(key: ResourceKey): Script<StampedRow | undefined> {
  const [row] = yield* query(
    `SELECT kind, org, project, id, name, phase, version, stamp, data, observed, secret, created_at, updated_at,
       CAST(amounts AS text) AS amounts
     FROM resources WHERE ${isKey}`,
    ...keyValues(key),
  );
  return row && { row: resourceRow(row), stamp: text(row, "stamp"), amounts: amounts(row, "amounts") };
}

/** Answers 0 for a guard that nobody has passed yet. */
export function* readGuard(name: string): Script<number> {
  const [row] = yield* query("SELECT counter FROM guards WHERE name = $1", name);
  return row === undefined ? 0 : integer(row, "counter");
}

export function* readClaims(
  space: string,
  limit: number,
): Script<readonly { readonly key: string; readonly owner: ResourceKey }[]> {
  const rows = yield* query(
    `SELECT key AS claim_key, kind, org, project, id FROM claims WHERE space = $1 ORDER BY key LIMIT $2`,
    space,
    limit,
  );
  return rows.map((row) => ({ key: text(row, "claim_key"), owner: resourceKey(row) }));
}

export function* readHolder(space: string, key: string): Script<ResourceKey | undefined> {
  const [row] = yield* query("SELECT kind, org, project, id FROM claims WHERE space = $1 AND key = $2", space, key);
  return row && resourceKey(row);
}

export function* readAnswer(scope: string, key: string, now: number): Script<Remembered | undefined> {
  const [row] = yield* query(
    "SELECT request_hash, answer FROM answers WHERE scope = $1 AND key = $2 AND expires_at > $3",
    scope,
    key,
    now,
  );
  return row && { requestHash: text(row, "request_hash"), answer: bytes(row, "answer") };
}

/** When the next task falls due that nobody holds; one whose lease ran out is due. */
export function* readNextDue(now: number): Script<number | undefined> {
  const [row] = yield* query("SELECT min(next_at) AS next_at FROM tasks WHERE lease = '' OR next_at <= $1", now);
  return row && optionalInteger(row, "next_at");
}

export function* readRecord(space: string, key: string, now: number): Script<ServerRecord | undefined> {
  const [row] = yield* query(
    `SELECT value, version, expires_at FROM records
     WHERE space = $1 AND key = $2 AND (expires_at IS NULL OR expires_at > $3)`,
    space,
    key,
    now,
  );
  return row && record(row);
}

export function* readRecords(
  space: string,
  prefix: string,
  now: number,
): Script<readonly (ServerRecord & { readonly key: string })[]> {
  const rows = yield* query(
    `SELECT key, value, version, expires_at FROM records
     WHERE space = $1 AND key >= $2 AND (expires_at IS NULL OR expires_at > $3) ORDER BY key`,
    space,
    prefix,
    now,
  );
  return rows.map((row) => ({ key: text(row, "key"), ...record(row) })).filter((one) => one.key.startsWith(prefix));
}

function record(row: Row): ServerRecord {
  return {
    value: bytes(row, "value"),
    version: integer(row, "version"),
    expiresAt: optionalInteger(row, "expires_at"),
  };
}
