// Reads what there is of what limits measure.
import type { Script } from "../sql/script.ts";
import type { Amounts, Tenant } from "../store.ts";
import { usedIn } from "../write/limits.ts";

export function* readUsage(scope: Tenant, measures: readonly string[]): Script<Amounts> {
  const used: Record<string, number> = {};
  for (const measure of measures) used[measure] = yield* usedIn(scope, measure);
  return used;
}
