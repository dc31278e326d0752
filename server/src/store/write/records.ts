// The server's own records: a compare-and-set map whose entries may expire. What expired is as good as absent.
import { command, type Script } from "../sql/script.ts";

export interface RecordPut {
  readonly space: string;
  readonly key: string;
  readonly value: Uint8Array;
  readonly expected: number | undefined;
  readonly expiresAt: number | undefined;
  readonly now: number;
}

/** Answers whether the record's version was the expected one. */
export function* putRecord(put: RecordPut): Script<boolean> {
  const values = [put.space, put.key, put.value, put.expiresAt ?? null] as const;
  if (put.expected === undefined) return (yield* upsert("", ...values)) > 0;
  if (put.expected === 0) return (yield* upsert("WHERE records.expires_at <= $5", ...values, put.now)) > 0;
  const written = yield* command(
    `UPDATE records SET value = $3, expires_at = $4, version = version + 1
     WHERE space = $1 AND key = $2 AND version = $6 AND (expires_at IS NULL OR expires_at > $5)`,
    ...values,
    put.now,
    put.expected,
  );
  return written > 0;
}

function upsert(condition: string, ...values: readonly (string | number | Uint8Array | null)[]) {
  return command(
    `INSERT INTO records (space, key, value, expires_at, version) VALUES ($1, $2, $3, $4, 1)
     ON CONFLICT (space, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at,
       version = records.version + 1 ${condition}`,
    ...values,
  );
}

export function* deleteRecord(input: { space: string; key: string }): Script<void> {
  yield* command("DELETE FROM records WHERE space = $1 AND key = $2", input.space, input.key);
}

/** Removes what has expired: records and idempotency keys. */
export function* sweep(input: { now: number }): Script<void> {
  yield* command("DELETE FROM records WHERE expires_at <= $1", input.now);
  yield* command("DELETE FROM answers WHERE expires_at <= $1", input.now);
}
