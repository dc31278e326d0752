// Holds what transactions add against what there may be. Nothing is counted beside the rows themselves: kinds by the rows' key, amounts by an index
// that holds them, so that there is no counter that could go wrong.
import type { Dialect } from "../sql/dialect.ts";
import { joined } from "../sql/key.ts";
import { amounts, integer, text } from "../sql/row.ts";
import { query, type Script } from "../sql/script.ts";
import { isOver, type Limit, type LimitUse, type Tenant } from "../store.ts";
import { type Change, type Plan, Refused } from "./plan.ts";

/** What a transaction adds to a measure in a tenant. A new resource may not know yet how much it will be: 0. */
interface Growth {
  readonly tenant: Tenant;
  readonly measure: string;
  readonly by: number;
}

/**
 * Runs first. Who sets limits waits for those in the org who add to something, and they wait for who sets limits: nobody counts while something is
 * being added that knew of no limit. SQLite has one writer.
 */
export function* holdLimits({ changes }: Plan, { name }: Dialect): Script<void> {
  if (name === "sqlite") return;
  const set = new Set(changes.flatMap(({ key, put }) => (put?.write.limits === undefined ? [] : [key.tenant.org])));
  const orgs = new Set([...set, ...changes.flatMap(growthOf).map(({ tenant }) => tenant.org)]);
  for (const org of [...orgs].sort())
    yield* query(
      `SELECT pg_advisory_xact_lock${set.has(org) ? "" : "_shared"}(hashtextextended($1, 0)) AS held`,
      joined("limits", org),
    );
}

/**
 * Runs last, so that what it holds is held for the commit alone. What limits is locked, so that of those who add to the same measure each counts
 * what the one before has written.
 *
 * @param limited whether something new lies where there are limits
 */
export function* checkLimits(plan: Plan, dialect: Dialect, limited: boolean): Script<void> {
  const grows = plan.changes.some(({ put }) => put?.mode === "update" && put.write.amounts !== undefined);
  if (!limited && !grows) return;
  for (const use of yield* limitUses(plan.changes, { lock: dialect.forUpdate, written: true }))
    if (isOver(use)) throw new Refused({ reason: "over_limit", use });
}

/** The limits that changes come under, each with what it measures. `written`: the changes are in the rows already. */
export function* limitUses(
  changes: readonly Change[],
  { lock, written }: { readonly lock: string; readonly written: boolean },
): Script<readonly LimitUse[]> {
  const growth = changes.flatMap(growthOf);
  const uses: LimitUse[] = [];
  for (const { scope, measure, most } of yield* limitsOver(growth, lock)) {
    const within = growth.filter((one) => one.measure === measure && isIn(one.tenant, scope));
    if (within.length === 0) continue;
    const asked = within.reduce((sum, { by }) => sum + by, 0);
    const used = yield* usedIn(scope, measure);
    uses.push({ scope, measure, most, used: written ? used - asked : used, asked });
  }
  return uses;
}

function growthOf({ key: { tenant, kind }, put, end }: Change): readonly Growth[] {
  if (put === undefined || end === "remove") return [];
  const isNew = put.mode === "create";
  const entries = Object.entries(put.write.amounts ?? {});
  const grown = entries.map(([measure, amount]) => ({ tenant, measure, by: amount - (put.had?.[measure] ?? 0) }));
  return [...(isNew ? [{ tenant, measure: kind, by: 1 }] : []), ...grown.filter(({ by }) => by > 0 || isNew)];
}

function isIn(tenant: Tenant, scope: Tenant): boolean {
  return tenant.org === scope.org && (scope.project === "" || tenant.project === scope.project);
}

/** Of several in a scope the lowest. In one order everywhere, so that two transactions do not wait for each other. */
function* limitsOver(growth: readonly Growth[], lock: string): Script<readonly Limit[]> {
  const tenants = new Map(growth.map(({ tenant }) => [joined(tenant.org, tenant.project), tenant]));
  const limits = new Map<string, Limit>();
  for (const [, tenant] of [...tenants].sort(([a], [b]) => (a < b ? -1 : 1)))
    for (const limit of yield* limitsAt(tenant, lock)) {
      const name = joined(limit.scope.org, limit.scope.project, limit.measure);
      if (limit.most < (limits.get(name)?.most ?? Number.POSITIVE_INFINITY)) limits.set(name, limit);
    }
  return [...limits.values()];
}

/** The org's first. */
export function* limitsAt({ org, project }: Tenant, lock = ""): Script<readonly Limit[]> {
  const rows = yield* query(
    `SELECT org, project, CAST(limits AS text) AS limits FROM resources
     WHERE org = $1 AND project IN ('', $2) AND limits IS NOT NULL ORDER BY project, kind, id${lock}`,
    org,
    project,
  );
  return rows.flatMap((row) => {
    const scope = { org: text(row, "org"), project: text(row, "project") };
    return Object.entries(amounts(row, "limits") ?? {}).map(([measure, most]) => ({ scope, measure, most }));
  });
}

export function* usedIn({ org, project }: Tenant, measure: string): Script<number> {
  const inProject = project === "" ? "" : "AND project = $3";
  const values = [measure, org, ...(project === "" ? [] : [project])];
  const [row] = yield* query(`${counting(measure)} AND org = $2 ${inProject}`, ...values);
  return row === undefined ? 0 : integer(row, "used");
}

function counting(measure: string): string {
  if (measure.includes(".")) return "SELECT count(*) AS used FROM resources WHERE kind = $1";
  return `SELECT CAST(coalesce(sum(CAST(amounts ->> CAST($1 AS text) AS bigint)), 0) AS bigint) AS used
     FROM resources WHERE amounts IS NOT NULL`;
}
