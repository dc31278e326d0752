// Records who refers to whom, and refuses what would leave a reference to nothing.
import type { Dialect } from "../sql/dialect.ts";
import { isKey, isTarget, joined, keyString, keyValues, plainKey, sameKey } from "../sql/key.ts";
import { phase, resourceKey } from "../sql/row.ts";
import { command, query, type Script } from "../sql/script.ts";
import type { Reference, ResourceKey, ResourceWrite } from "../store.ts";
import { type Plan, Refused } from "./plan.ts";

/** How many referrers an error names. */
const namedReferrers = 20;

export function* replaceReferences(plan: Plan, dialect: Dialect): Script<void> {
  const live = knownLive(plan);
  for (const { put, end } of plan.changes) {
    if (put === undefined || end === "remove") continue;
    if (put.mode === "update") yield* command(`DELETE FROM refs WHERE ${isKey}`, ...keyValues(put.write));
    for (const reference of byTarget(put.write.references)) {
      if (!live.has(keyString(reference.target))) yield* checkTarget(put.write, reference, dialect);
      yield* record(put.write, reference);
    }
  }
}

/** What needs no look: written by this very transaction, or read by it as live (which is checked and held already). */
function knownLive(plan: Plan): ReadonlySet<string> {
  const live = new Set<string>();
  for (const { key, seen } of plan.expectations) if (seen?.phase === "live") live.add(keyString(key));
  for (const { key, put } of plan.changes) if (put?.mode === "create") live.add(keyString(key));
  for (const { key, end } of plan.changes) if (end !== undefined) live.delete(keyString(key));
  return live;
}

/** In one order everywhere, so that two transactions do not wait for each other. */
function byTarget(references: readonly Reference[]): readonly Reference[] {
  const unique = new Map(
    references.map((reference) => [joined(reference.path, keyString(reference.target)), reference]),
  );
  return [...unique.values()].sort((a, b) => (keyString(a.target) < keyString(b.target) ? -1 : 1));
}

function* checkTarget(from: ResourceWrite, reference: Reference, dialect: Dialect): Script<void> {
  if (sameKey(from, reference.target)) return;
  const [row] = yield* query(
    `SELECT phase FROM resources WHERE ${isKey}${dialect.forShare}`,
    ...keyValues(reference.target),
  );
  if (row !== undefined && phase(row) === "live") return;
  throw new Refused({ reason: "missing_reference", from: plainKey(from), reference });
}

function* record(from: ResourceWrite, { path, target }: Reference): Script<void> {
  yield* command(
    `INSERT INTO refs (kind, org, project, id, path, target_kind, target_org, target_project, target_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    ...keyValues(from),
    path,
    ...keyValues(target),
  );
}

/** Runs last: what this transaction itself lets go of is no hindrance. */
export function* checkUnreferenced(plan: Plan): Script<void> {
  for (const { key, end } of plan.changes) {
    if (end === undefined) continue;
    const by = yield* referrersOf(key, namedReferrers);
    if (by.length > 0) throw new Refused({ reason: "still_referenced", key: plainKey(key), by });
  }
}

/** Who refers to a resource, itself left out, in the order of their keys. */
export function* referrersOf(key: ResourceKey, limit: number): Script<readonly ResourceKey[]> {
  const rows = yield* query(
    `SELECT DISTINCT kind, org, project, id FROM refs
     WHERE ${isTarget} AND NOT (${isKey}) ORDER BY kind, org, project, id LIMIT $5`,
    ...keyValues(key),
    limit,
  );
  return rows.map((row) => resourceKey(row));
}
