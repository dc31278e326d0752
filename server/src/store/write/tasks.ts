// The engine's tasks: at most one for each resource, leased to one worker at a time.
// While a task is leased, next_at is the end of the lease, and what is scheduled meanwhile is kept in woken_at.
import type { Dialect } from "../sql/dialect.ts";
import { isKey, keyString, keyValues, plainKey } from "../sql/key.ts";
import { integer, resourceKey, text } from "../sql/row.ts";
import { command, query, type Row, type Script } from "../sql/script.ts";
import type { ResourceKey, Task, TaskOutcome } from "../store.ts";
import { type Plan, Refused } from "./plan.ts";

/** The `SET` of a task that is scheduled again: sooner if it waits, remembered if it is leased. */
const wake = `SET
  next_at = CASE WHEN tasks.lease = '' AND excluded.next_at < tasks.next_at THEN excluded.next_at ELSE tasks.next_at END,
  woken_at = CASE WHEN tasks.lease = '' THEN NULL WHEN tasks.woken_at < excluded.next_at THEN tasks.woken_at ELSE excluded.next_at END`;

export function* scheduleTasks(plan: Plan): Script<void> {
  for (const { key, at } of plan.schedules) {
    yield* command(
      `INSERT INTO tasks (kind, org, project, id, next_at, since, attempt, step, lease)
       SELECT kind, org, project, id, $5, $6, 0, '', '' FROM resources WHERE ${isKey}
       ON CONFLICT (kind, org, project, id) DO UPDATE ${wake}`,
      ...keyValues(key),
      at,
      plan.now,
    );
  }
}

/** Makes every leased task due: for a store that one process owns, whose leases at its start are those of a process that died. */
export function* dropLeases(now: number): Script<void> {
  yield* command("UPDATE tasks SET lease = '', next_at = $1, woken_at = NULL WHERE lease <> ''", now);
}

/** Schedules every resource of a kind, evenly spread from now on, at whole milliseconds: SQLite is given all numbers as REAL. Answers how many. */
export function* scheduleKind(input: { kind: string; now: number; spreadMs: number }): Script<number> {
  return yield* command(
    `INSERT INTO tasks (kind, org, project, id, next_at, since, attempt, step, lease)
     SELECT kind, org, project, id,
       CAST($2 + ((row_number() OVER (ORDER BY id, org, project) - 1) * $3) / count(*) OVER () AS BIGINT), $2, 0, '', ''
     FROM resources WHERE kind = $1 ORDER BY org, project, id
     ON CONFLICT (kind, org, project, id) DO UPDATE ${wake}`,
    input.kind,
    input.now,
    Math.floor(input.spreadMs),
  );
}

export interface Leasing {
  readonly lease: string;
  readonly now: number;
  readonly leaseMs: number;
  readonly limit: number;
  readonly kinds: readonly string[] | undefined;
}

/** Takes due tasks, those first that are due longest. A lease that ran out is due. */
export function* leaseTasks(input: Leasing, dialect: Dialect): Script<readonly Task[]> {
  const fixed = [input.lease, input.now, input.now + input.leaseMs, input.limit];
  const kinds = input.kinds ?? [];
  const ofKinds = kinds.length > 0 ? ` AND kind IN (${kinds.map((_, index) => `$${index + 5}`).join(", ")})` : "";
  const rows = yield* query(
    `UPDATE tasks SET lease = $1, next_at = $3, woken_at = CASE WHEN woken_at > $2 THEN woken_at END
     WHERE (kind, org, project, id) IN (
       SELECT kind, org, project, id FROM tasks WHERE next_at <= $2${ofKinds}
       ORDER BY next_at LIMIT $4${dialect.skipLocked})
     RETURNING kind, org, project, id, attempt, step, since, lease`,
    ...fixed,
    ...kinds,
  );
  return rows.map(task);
}

export function* renewTasks(input: { tasks: readonly Task[]; until: number }): Script<readonly Task[]> {
  const held: Task[] = [];
  // In the order in which all transactions hold rows, so that none waits for another in a circle.
  for (const one of input.tasks.toSorted((a, b) => (keyString(a.key) < keyString(b.key) ? -1 : 1))) {
    const changed = yield* command(
      `UPDATE tasks SET next_at = $6 WHERE ${isKey} AND lease = $5`,
      ...keyValues(one.key),
      one.lease,
      input.until,
    );
    if (changed > 0) held.push(one);
  }
  return held;
}

export function* settleTasks(plan: Plan): Script<void> {
  for (const { task, outcome } of plan.settles) {
    const held = yield* settle(task, outcome, plan.now);
    if (!held) throw new Refused({ reason: "lease_lost", task: { ...task, key: plainKey(task.key) } });
  }
}

/** Answers false where the lease is not the holder's any more. */
function* settle(task: Task, outcome: TaskOutcome, now: number): Script<boolean> {
  const mine = [...keyValues(task.key), task.lease] as const;
  if (outcome.outcome === "later") return yield* putOff(mine, outcome);
  const gone = yield* command(`DELETE FROM tasks WHERE ${isKey} AND lease = $5 AND woken_at IS NULL`, ...mine);
  if (gone > 0) return true;
  const again = yield* command(
    `UPDATE tasks SET lease = '', next_at = woken_at, woken_at = NULL, attempt = 0, step = '', since = $6
     WHERE ${isKey} AND lease = $5`,
    ...mine,
    now,
  );
  return again > 0;
}

function* putOff(
  mine: readonly [string, string, string, string, string],
  later: Extract<TaskOutcome, { outcome: "later" }>,
): Script<boolean> {
  const changed = yield* command(
    `UPDATE tasks SET lease = '', attempt = $7, step = $8, woken_at = NULL,
       next_at = CASE WHEN woken_at < $6 THEN woken_at ELSE $6 END
     WHERE ${isKey} AND lease = $5`,
    ...mine,
    Math.floor(later.at),
    later.attempt,
    later.step,
  );
  return changed > 0;
}

function task(row: Row): Task {
  const key: ResourceKey = resourceKey(row);
  return {
    key,
    attempt: integer(row, "attempt"),
    step: text(row, "step"),
    since: integer(row, "since"),
    lease: text(row, "lease"),
  };
}
