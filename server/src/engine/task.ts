// One leased task from its beginning to its end: run, settle, wake what waits for it, tell what came of it.
import { type ResourceKey, type ResourceRow, StoreError, type Task } from "../store/store.ts";
import { backoffMs } from "./backoff.ts";
import type { EngineLog, EngineMetrics } from "./hooks.ts";
import type { EngineKind } from "./kind.ts";
import { storedStatus } from "./message.ts";
import { StepError } from "./reconciler.ts";
import { type RunResult, run } from "./run.ts";
import { hindranceOf, isFinal, type Settled, type Settling, settle } from "./settle.ts";
import { isReady } from "./status.ts";
import { pathOf } from "./tenants.ts";

/** How many of those that wait are woken at once; the others look by themselves within seconds. */
const wokenAtOnce = 1_000;

export interface TaskBench<Drivers> extends Settling<Drivers> {
  readonly log: EngineLog;
  readonly metrics: EngineMetrics;
}

/** A task under a lease. */
export interface Held {
  /** Replaced when the lease is renewed. */
  task: Task;
  /** Aborts when the lease is lost or the engine stops. */
  readonly signal: AbortSignal;
  /** True once another worker may have it: nothing may be stored any more. */
  lost: boolean;
}

/** Runs a task and settles it. Never throws: what can't be settled is taken up again when the lease has run out. */
export async function perform<Drivers>(bench: TaskBench<Drivers>, held: Held): Promise<Settled | undefined> {
  const { key } = held.task;
  const kind = bench.kinds.get(key.kind);
  if (kind === undefined) throw new Error(`a task of the unknown kind ${key.kind} was leased`);
  const began = bench.clock.now();
  const settled = await attempt(bench, kind, held);
  bench.metrics.run?.(key.kind, settled?.outcome ?? "lost", bench.clock.now() - began);
  if (settled?.becameReady) await wakeWaiting(bench, key);
  return settled;
}

async function attempt<Drivers>(
  bench: TaskBench<Drivers>,
  kind: EngineKind<Drivers>,
  held: Held,
): Promise<Settled | undefined> {
  try {
    const result = await run(bench, kind, held.task.key, held.signal);
    if (result?.end.end === "failed") tellFailure(bench, held.task, result.row, result.end);
    return held.lost ? undefined : await settleOrPutOff(bench, kind, held, result);
  } catch (error) {
    if (isLeaseLost(error)) return undefined;
    bench.log.error({ ...said(held.task.key), err: error }, "a task could not be run");
    return held.lost ? undefined : await putOff(bench, held.task);
  }
}

async function settleOrPutOff<Drivers>(
  bench: TaskBench<Drivers>,
  kind: EngineKind<Drivers>,
  held: Held,
  result: RunResult | undefined,
): Promise<Settled> {
  try {
    return await settle(bench, kind, held.task, result);
  } catch (error) {
    if (!(error instanceof StoreError) || error.detail.reason !== "still_referenced" || result === undefined)
      throw error;
    const message = `${error.detail.by.map(pathOf).join(", ")} still refers to it`;
    const notYet = { againMs: 1_000, reason: "StillReferenced", message };
    return await settle(bench, kind, held.task, { ...result, end: { end: "not_yet", step: "", notYet } });
  }
}

/** Puts a task off that could not even be judged: an unreadable row, a release that throws. */
async function putOff<Drivers>(bench: TaskBench<Drivers>, task: Task): Promise<Settled | undefined> {
  const attempt = task.attempt + 1;
  try {
    return await bench.store.transact(async (tx) => {
      const at = tx.now + backoffMs(attempt, bench.random);
      tx.settle(task, { outcome: "later", at, attempt, step: task.step });
      return { outcome: "failed", becameReady: false, at };
    });
  } catch (error) {
    if (!isLeaseLost(error))
      bench.log.warn({ ...said(task.key), err: error }, "a task is left until its lease runs out");
    return undefined;
  }
}

function tellFailure<Drivers>(
  bench: TaskBench<Drivers>,
  task: Task,
  row: ResourceRow,
  { step, error }: { readonly step: string; readonly error: unknown },
): void {
  const { reason } = hindranceOf(error);
  bench.metrics.failure?.(task.key.kind, step, reason);
  const fields = { ...said(task.key), step, failures: task.attempt + 1, reason, ...whyOf(error) };
  const next = isFinal(row, error)
    ? "was refused for good: it is left until it is changed"
    : "failed and will be tried again";
  bench.log.warn(fields, `a step ${next}`);
}

/** A failure that has words says why in them; of any other the stack is what there is to go by. */
function whyOf(error: unknown): object {
  if (!(error instanceof StepError)) return { err: error };
  const cause = firstCause(error);
  return {
    why: error.message,
    ...(cause !== undefined && cause.message !== error.message && { cause: cause.message }),
  };
}

function firstCause({ cause }: Error): Error | undefined {
  return cause instanceof Error ? (firstCause(cause) ?? cause) : undefined;
}

/** Schedules what refers to a resource and is not ready yet. Not in the transaction that made it ready: that would read all referrers under it. */
async function wakeWaiting<Drivers>(bench: TaskBench<Drivers>, key: ResourceKey): Promise<void> {
  try {
    const waiting: ResourceKey[] = [];
    for (const referrer of await bench.store.referrers(key, wokenAtOnce)) {
      const row = await bench.store.get(referrer);
      if (row !== undefined && waits(bench, row)) waiting.push(referrer);
    }
    if (waiting.length > 0)
      await bench.store.transact(async (tx) => {
        for (const one of waiting) tx.schedule(one);
      });
  } catch (error) {
    bench.log.warn({ ...said(key), err: error }, "what waits for a resource was not woken; it looks by itself soon");
  }
}

function waits<Drivers>(bench: TaskBench<Drivers>, row: ResourceRow): boolean {
  const kind = bench.kinds.get(row.kind);
  if (kind?.reconciler === undefined || row.phase !== "live") return false;
  return !isReady(row, storedStatus(kind.schema, row));
}

function isLeaseLost(error: unknown): boolean {
  return error instanceof StoreError && error.detail.reason === "lease_lost";
}

/** How a resource is named in the log. */
export function said(key: ResourceKey): { readonly kind: string; readonly resource: string } {
  return { kind: key.kind, resource: pathOf(key) };
}
