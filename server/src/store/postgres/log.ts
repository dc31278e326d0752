// The log's order on PostgreSQL. Sequence numbers become visible out of order there, so a reader of `seq > last` would miss events. Instead
// events stand in the order of (transaction id, seq), and only those below the oldest transaction still running are read.
import { sql } from "kysely";
import type { EventSelect, LogOrder } from "../read/log.ts";
import { builder } from "../sql/builder.ts";
import { postgres } from "../sql/dialect.ts";
import { integer, text } from "../sql/row.ts";
import { query, type Row, type Script } from "../sql/script.ts";
import { StoreError } from "../store.ts";

interface Place {
  readonly xid: bigint;
  readonly seq: number;
}

/** A cursor is "x", the transaction's number, "." and the sequence number. */
export const postgresLog: LogOrder<Place> = {
  builder: builder(postgres),
  parse: parseCursor,
  format: ({ xid, seq }) => (xid === 0n ? "" : `x${xid}.${seq}`),
  placeOf: (row: Row) => ({ xid: BigInt(text(row, "xid")), seq: integer(row, "seq") }),
  beginAt: ({ xid, seq }) => ({ xid, seq: seq - 1 }),
  endAt: ({ xid }) => ({ xid: xid + 1n, seq: 0 }),
  isBefore: (one, other) => (one.xid === other.xid ? one.seq < other.seq : one.xid < other.xid),
  end: watermark,
  reached: (place, end) => place.xid >= end.xid,
  between,
};

function between(select: EventSelect, after: Place, end: Place): EventSelect {
  return select
    .where(sql<boolean>`(xid, seq) > (${String(after.xid)}::xid8, ${after.seq}::bigint)`)
    .where(sql<boolean>`xid < ${String(end.xid)}::xid8`)
    .orderBy("xid")
    .orderBy("seq");
}

function parseCursor(cursor: string): Place {
  if (cursor === "") return { xid: 0n, seq: 0 };
  // xid8 has at most 20 digits; below 10^19 it always fits, and no cluster gets there.
  const [, xid, seq] = /^x([1-9]\d{0,18})\.(\d{1,15})$/.exec(cursor) ?? [];
  if (xid === undefined || seq === undefined) throw new StoreError({ reason: "bad_cursor", cursor });
  return { xid: BigInt(xid), seq: Number(seq) };
}

/** Every transaction below it has ended, so a later statement sees all of its events. */
function* watermark(): Script<Place> {
  const [row] = yield* query("SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xid");
  return { xid: row === undefined ? 0n : BigInt(text(row, "xid")), seq: 0 };
}
