// The log's order on SQLite: one writer, so that the sequence is the order of commits.

import type { EventSelect, LogOrder } from "../read/log.ts";
import { builder } from "../sql/builder.ts";
import { sqlite } from "../sql/dialect.ts";
import { integer } from "../sql/row.ts";
import { query, type Row, type Script } from "../sql/script.ts";
import { StoreError } from "../store.ts";

/** A cursor is "s" and the sequence number. */
export const sqliteLog: LogOrder<number> = {
  builder: builder(sqlite),
  parse: parseCursor,
  format: (seq) => (seq === 0 ? "" : `s${seq}`),
  placeOf: (row: Row) => integer(row, "seq"),
  beginAt: (seq) => seq - 1,
  endAt: (seq) => seq,
  isBefore: (one, other) => one < other,
  end: lastSequence,
  reached: (place, end) => place >= end,
  between: (select: EventSelect, after, end) => select.where("seq", ">", after).where("seq", "<=", end).orderBy("seq"),
};

function parseCursor(cursor: string): number {
  if (cursor === "") return 0;
  // Fifteen digits stay below 2^53.
  const digits = /^s([1-9]\d{0,14})$/.exec(cursor)?.[1];
  if (digits === undefined) throw new StoreError({ reason: "bad_cursor", cursor });
  return Number(digits);
}

function* lastSequence(): Script<number> {
  const [row] = yield* query("SELECT coalesce(max(seq), 0) AS seq FROM events");
  return row === undefined ? 0 : integer(row, "seq");
}
