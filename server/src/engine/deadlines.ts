// Tells the operator, once, of a resource that is not as asked for after its kind's deadline. Nothing is ever cancelled.
import type { Clock } from "../clock.ts";
import type { ResourceKey, Task } from "../store/store.ts";
import type { EngineLog, EngineMetrics } from "./hooks.ts";
import { defaultDeadlineMs, type EngineKind } from "./kind.ts";
import { said } from "./task.ts";

export interface DeadlineOptions<Drivers> {
  readonly kinds: ReadonlyMap<string, EngineKind<Drivers>>;
  readonly clock: Clock;
  readonly log: EngineLog;
  readonly metrics: EngineMetrics;
}

export class Deadlines<Drivers> {
  readonly #options: DeadlineOptions<Drivers>;
  /** By resource: the `since` of the task that was told of. */
  readonly #told = new Map<string, number>();

  constructor(options: DeadlineOptions<Drivers>) {
    this.#options = options;
  }

  check(task: Task): void {
    const { kinds, clock, log, metrics } = this.#options;
    const deadlineMs = kinds.get(task.key.kind)?.reconciler?.deadlineMs ?? defaultDeadlineMs;
    const overdueMs = clock.now() - task.since - deadlineMs;
    const name = nameOf(task.key);
    if (overdueMs <= 0 || this.#told.get(name) === task.since) return;
    this.#told.set(name, task.since);
    metrics.deadline?.(task.key, overdueMs);
    const fields = { ...said(task.key), alert: "deadline", step: task.step, failures: task.attempt, overdueMs };
    log.error(fields, "a resource is not as asked for after its deadline; the work goes on");
  }

  /** Its work is done: the next time it is told of again. */
  forget(task: Task): void {
    this.#told.delete(nameOf(task.key));
  }
}

function nameOf({ kind, tenant, id }: ResourceKey): string {
  return JSON.stringify([kind, tenant.org, tenant.project, id]);
}
