// Reads what there is of what limits measure.
import { resourceKey } from "../sql/row.ts";
import { query, type Script } from "../sql/script.ts";
import type { Amounts, ResourceKey, Tenant } from "../store.ts";
import { usedIn } from "../write/limits.ts";

export function* readUsage(scope: Tenant, measures: readonly string[]): Script<Amounts> {
  const used: Record<string, number> = {};
  for (const measure of measures) used[measure] = yield* usedIn(scope, measure);
  return used;
}

export function* readUnmeasured(
  kind: string,
  measures: readonly string[],
  limit: number,
): Script<readonly ResourceKey[]> {
  const lacks = measures.map((_, index) => ` OR amounts ->> CAST($${index + 3} AS text) IS NULL`).join("");
  const rows = yield* query(
    `SELECT kind, org, project, id FROM resources WHERE kind = $1 AND (amounts IS NULL${lacks}) ORDER BY org, project, id LIMIT $2`,
    kind,
    limit,
    ...measures,
  );
  return rows.map((row) => resourceKey(row));
}
