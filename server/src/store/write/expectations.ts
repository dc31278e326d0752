// Checks that what a transaction read is still so, and holds it until the transaction ends.
import type { Dialect } from "../sql/dialect.ts";
import { isKey, keyString, keyValues } from "../sql/key.ts";
import { text } from "../sql/row.ts";
import { command, query, type Script } from "../sql/script.ts";
import type { ResourceKey } from "../store.ts";
import { type Expectation, type Plan, stale, writes } from "./plan.ts";

export function* checkExpectations(plan: Plan, dialect: Dialect): Script<void> {
  const expected = new Map(plan.expectations.map((expectation) => [keyString(expectation.key), expectation]));
  const made = new Set(plan.changes.filter(({ put }) => put?.mode === "create").map(({ key }) => keyString(key)));
  const absences = [...expected].some(([name, { seen }]) => seen === undefined && !made.has(name));
  for (const { name, key, lock } of touched(plan, dialect)) {
    const expectation = expected.get(name);
    if (expectation?.seen !== undefined) yield* checkPresent(expectation, lock);
    else if (made.has(name) && absences) yield* holdAbsent(key, plan, dialect);
    else if (made.has(name)) continue;
    else if (expectation !== undefined) yield* checkAbsent(key, plan, dialect);
    else if (lock !== "") yield* query(`SELECT 1 AS held FROM resources WHERE ${isKey}${lock}`, ...keyValues(key));
  }
}

interface Touched {
  readonly name: string;
  readonly key: ResourceKey;
  readonly lock: string;
}

/** All resources that a plan reads, writes or refers to. All transactions hold them in this order, so that none waits for another in a circle. */
function touched(plan: Plan, dialect: Dialect): readonly Touched[] {
  const all = new Map<string, Touched>();
  const add = (key: ResourceKey, lock: string) => {
    const name = keyString(key);
    if (!all.has(name)) all.set(name, { name, key, lock });
  };
  for (const { key } of plan.changes) add(key, dialect.forUpdate);
  for (const { key } of plan.expectations) add(key, dialect.forShare);
  for (const { put } of plan.changes)
    for (const { target } of put?.write.references ?? []) add(target, dialect.forShare);
  return [...all.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function* checkPresent({ key, seen }: Expectation, lock: string): Script<void> {
  const [row] = yield* query(`SELECT stamp FROM resources WHERE ${isKey}${lock}`, ...keyValues(key));
  if (row === undefined || text(row, "stamp") !== seen?.stamp) throw stale();
}

function* checkAbsent(key: ResourceKey, plan: Plan, dialect: Dialect): Script<void> {
  yield* holdAbsent(key, plan, dialect);
  const rows = yield* query(`SELECT 1 AS found FROM resources WHERE ${isKey}`, ...keyValues(key));
  if (rows.length > 0) throw stale();
}

/** PostgreSQL can't lock a row that is not there, so the key itself is held: a row that is put in and taken out again makes others wait. */
function* holdAbsent(key: ResourceKey, plan: Plan, dialect: Dialect): Script<void> {
  if (dialect.name === "sqlite") return;
  const held = yield* command(
    `INSERT INTO resources (kind, org, project, id, name, phase, version, stamp, data, observed, secret, created_at, updated_at)
     VALUES ($1, $2, $3, $4, '', 'live', 0, '', '', '', '', $5, $5) ON CONFLICT DO NOTHING`,
    ...keyValues(key),
    plan.now,
  );
  if (held > 0) yield* command(`DELETE FROM resources WHERE ${isKey}`, ...keyValues(key));
}

/** Moves the counters on if the plan writes; whoever read an older one runs again. */
export function* passGuards(plan: Plan, dialect: Dialect): Script<void> {
  for (const { name, counter } of plan.guards) {
    const rows = writes(plan)
      ? yield* query(
          `INSERT INTO guards (name, counter) VALUES ($1, 1)
           ON CONFLICT (name) DO UPDATE SET counter = guards.counter + 1 WHERE guards.counter = $2 RETURNING counter`,
          name,
          counter,
        )
      : yield* query(
          `SELECT 1 AS same WHERE $2 = coalesce((SELECT counter FROM guards WHERE name = $1${dialect.forShare}), 0)`,
          name,
          counter,
        );
    if (rows.length === 0) throw stale();
  }
}
