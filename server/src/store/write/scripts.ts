// Everything that the writer can be asked to do, by name; each runs in a transaction of its own. The writer may sit in another thread, so
// inputs and answers are plain data.
import type { Dialect } from "../sql/dialect.ts";
import type { Script } from "../sql/script.ts";
import { rememberAnswers } from "./answers.ts";
import { replaceClaims } from "./claims.ts";
import { appendEvents } from "./events.ts";
import { checkExpectations, passGuards } from "./expectations.ts";
import type { Plan } from "./plan.ts";
import { deleteRecord, putRecord, sweep } from "./records.ts";
import { checkUnreferenced, replaceReferences } from "./references.ts";
import { writeResources } from "./resources.ts";
import { leaseTasks, renewTasks, scheduleKind, scheduleTasks, settleTasks } from "./tasks.ts";

/** Applies a plan: first what can be refused because of what was read, then the writes, then what they must leave true. */
function* apply(plan: Plan, dialect: Dialect): Script<void> {
  yield* rememberAnswers(plan);
  yield* checkExpectations(plan, dialect);
  yield* passGuards(plan, dialect);
  yield* settleTasks(plan);
  yield* writeResources(plan);
  yield* replaceClaims(plan);
  yield* replaceReferences(plan, dialect);
  yield* checkUnreferenced(plan);
  yield* scheduleTasks(plan);
  yield* appendEvents(plan);
}

export const scripts = { apply, leaseTasks, renewTasks, scheduleKind, putRecord, deleteRecord, sweep } as const;

export type ScriptName = keyof typeof scripts;
export type Input<Name extends ScriptName> = Parameters<(typeof scripts)[Name]>[0];
export type Answer<Name extends ScriptName> = ReturnType<(typeof scripts)[Name]> extends Script<infer T> ? T : never;
