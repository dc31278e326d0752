// Events tell of the session that they were done in, and of what decided. Those that were written before do not know.
import type { Dialect } from "../sql/dialect.ts";

export function eventCredentials({ text }: Dialect): readonly string[] {
  return ["session_id", "credential", "decided_by"].map(
    (column) => `ALTER TABLE events ADD COLUMN ${column} ${text} NOT NULL DEFAULT ''`,
  );
}
