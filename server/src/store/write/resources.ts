// Writes the resource rows of a plan.
import { isKey, keyValues } from "../sql/key.ts";
import { integer } from "../sql/row.ts";
import { command, query, type Script } from "../sql/script.ts";
import type { Amounts, ResourceWrite } from "../store.ts";
import { type Change, type Plan, Refused, stale } from "./plan.ts";

const nothing = new Uint8Array();

/** Answers whether something new lies where there are limits. */
export function* writeResources(plan: Plan): Script<boolean> {
  let limited = false;
  for (const change of plan.changes) {
    if (change.put?.mode === "create") limited = (yield* create(change.put.write, plan)) || limited;
    if (change.put?.mode === "update") yield* update(change.put.write, plan);
    if (change.observed !== undefined) yield* observe(change, change.observed, plan);
    if (change.measured !== undefined) yield* measure(change, change.measured, plan);
    if (change.end === "tombstone") yield* tombstone(change, plan);
    if (change.end === "remove") yield* remove(change);
  }
  return limited;
}

/** Whether there are limits is looked up on the way: where there are none, it costs no statement. */
function* create(write: ResourceWrite, plan: Plan): Script<boolean> {
  const [written] = yield* query(
    `INSERT INTO resources
       (kind, org, project, id, name, phase, version, stamp, data, observed, secret, created_at, updated_at, amounts, limits)
     VALUES ($1, $2, $3, $4, $5, 'live', 1, $6, $7, $8, $9, $10, $10, $11, $12) ON CONFLICT DO NOTHING
     RETURNING CASE WHEN EXISTS (
       SELECT 1 FROM resources AS other WHERE other.org = $2 AND other.project IN ('', $3) AND other.limits IS NOT NULL
     ) THEN 1 ELSE 0 END AS limited`,
    ...keyValues(write),
    write.name,
    plan.stamp,
    write.data,
    nothing,
    write.secret ?? nothing,
    plan.now,
    json(write.amounts),
    json(write.limits),
  );
  if (written === undefined) throw new Refused({ reason: "duplicate_id", key: keyOf(write) });
  return integer(written, "limited") > 0;
}

function* update(write: ResourceWrite, plan: Plan): Script<void> {
  const written = yield* command(
    `UPDATE resources SET name = $5, data = $6, secret = coalesce($7, secret), version = version + 1, stamp = $8, updated_at = $9,
       amounts = $10, limits = $11
     WHERE ${isKey}`,
    ...keyValues(write),
    write.name,
    write.data,
    write.secret ?? null,
    plan.stamp,
    plan.now,
    json(write.amounts),
    json(write.limits),
  );
  if (written === 0) throw stale();
}

function* observe(change: Change, observed: Uint8Array, plan: Plan): Script<void> {
  yield* command(
    `UPDATE resources SET observed = $5, stamp = $6, updated_at = $7 WHERE ${isKey}`,
    ...keyValues(change.key),
    observed,
    plan.stamp,
    plan.now,
  );
}

function* measure(change: Change, measured: Amounts, plan: Plan): Script<void> {
  yield* command(
    `UPDATE resources SET amounts = $5, stamp = $6 WHERE ${isKey}`,
    ...keyValues(change.key),
    json(measured),
    plan.stamp,
  );
}

function json(amounts: Amounts | undefined): string | null {
  return amounts === undefined ? null : JSON.stringify(amounts);
}

function* tombstone(change: Change, plan: Plan): Script<void> {
  yield* command(
    `UPDATE resources SET phase = 'deleting', version = version + 1, stamp = $5, updated_at = $6
     WHERE ${isKey} AND phase = 'live'`,
    ...keyValues(change.key),
    plan.stamp,
    plan.now,
  );
}

function* remove(change: Change): Script<void> {
  for (const table of ["resources", "claims", "refs", "tasks"]) {
    yield* command(`DELETE FROM ${table} WHERE ${isKey}`, ...keyValues(change.key));
  }
}

function keyOf({ tenant, kind, id }: ResourceWrite) {
  return { tenant, kind, id };
}
