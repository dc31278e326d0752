// Everything that the writer can be asked to do, by name; each runs in a transaction of its own. The writer may sit in another thread, so
// inputs and answers are plain data.
import type { Dialect } from "../sql/dialect.ts";
import type { Script } from "../sql/script.ts";
import { rememberAnswers } from "./answers.ts";
import { replaceClaims } from "./claims.ts";
import { appendEvents } from "./events.ts";
import { checkExpectations, passGuards } from "./expectations.ts";
import { checkLimits, holdLimits } from "./limits.ts";
import type { Plan } from "./plan.ts";
import { deleteRecord, putRecord, sweep } from "./records.ts";
import { checkUnreferenced, replaceReferences } from "./references.ts";
import { writeResources } from "./resources.ts";
import { leaseTasks, renewTasks, scheduleKind, scheduleTasks, settleTasks } from "./tasks.ts";

/** Applies a plan: first what can be refused because of what was read, then the writes, then what they must leave true. */
function* apply(plan: Plan, dialect: Dialect): Script<void> {
  yield* rememberAnswers(plan);
  yield* holdLimits(plan, dialect);
  yield* checkExpectations(plan, dialect);
  yield* passGuards(plan, dialect);
  yield* settleTasks(plan);
  const limited = yield* writeResources(plan);
  yield* replaceClaims(plan);
  yield* replaceReferences(plan, dialect);
  yield* checkUnreferenced(plan);
  yield* scheduleTasks(plan);
  yield* appendEvents(plan);
  yield* checkLimits(plan, dialect, limited);
}

/** Asks whether what a transaction read still holds together, and writes nothing. */
function* verify(plan: Plan, dialect: Dialect): Script<void> {
  yield* checkExpectations(plan, dialect);
  yield* passGuards(plan, dialect);
}

export const scripts = { apply, verify, leaseTasks, renewTasks, scheduleKind, putRecord, deleteRecord, sweep } as const;

/** What others want to hear of: new events and tasks. If taking a lease were news, those who take leases would never rest. */
const news: ReadonlySet<ScriptName> = new Set(["apply", "scheduleKind"]);

export function isNews(name: ScriptName): boolean {
  return news.has(name);
}

export type ScriptName = keyof typeof scripts;
export type Input<Name extends ScriptName> = Parameters<(typeof scripts)[Name]>[0];
export type Answer<Name extends ScriptName> = ReturnType<(typeof scripts)[Name]> extends Script<infer T> ? T : never;
