// Writes the resource rows of a plan.
import { isKey, keyValues } from "../sql/key.ts";
import { command, type Script } from "../sql/script.ts";
import type { ResourceWrite } from "../store.ts";
import { type Change, type Plan, Refused, stale } from "./plan.ts";

const nothing = new Uint8Array();

export function* writeResources(plan: Plan): Script<void> {
  for (const change of plan.changes) {
    if (change.put?.mode === "create") yield* create(change.put.write, plan);
    if (change.put?.mode === "update") yield* update(change.put.write, plan);
    if (change.observed !== undefined) yield* observe(change, change.observed, plan);
    if (change.end === "tombstone") yield* tombstone(change, plan);
    if (change.end === "remove") yield* remove(change);
  }
}

function* create(write: ResourceWrite, plan: Plan): Script<void> {
  const written = yield* command(
    `INSERT INTO resources (kind, org, project, id, name, phase, version, stamp, data, observed, secret, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, 'live', 1, $6, $7, $8, $9, $10, $10) ON CONFLICT DO NOTHING`,
    ...keyValues(write),
    write.name,
    plan.stamp,
    write.data,
    nothing,
    write.secret ?? nothing,
    plan.now,
  );
  if (written === 0) throw new Refused({ reason: "duplicate_id", key: keyOf(write) });
}

function* update(write: ResourceWrite, plan: Plan): Script<void> {
  const written = yield* command(
    `UPDATE resources SET name = $5, data = $6, secret = coalesce($7, secret), version = version + 1, stamp = $8, updated_at = $9
     WHERE ${isKey}`,
    ...keyValues(write),
    write.name,
    write.data,
    write.secret ?? null,
    plan.stamp,
    plan.now,
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
