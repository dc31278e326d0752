// Stores what came of a run, in one transaction with the task's end: outputs, status, event, and for what was removed the row's removal.
import { State, type Status } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import type { EventType, NewEvent, ResourceKey, ResourceRow, Task, Tx } from "../store/store.ts";
import { backoffMs } from "./backoff.ts";
import type { RunOutcome } from "./hooks.ts";
import type { EngineKind } from "./kind.ts";
import { storedStatus, wholeBytes, withoutSecrets } from "./message.ts";
import { StepError } from "./reconciler.ts";
import { notReady, type RunResult, type Workbench } from "./run.ts";
import { currentStatus, failedStatus, type Hindrance, pendingStatus, readyStatus, refusedStatus } from "./status.ts";

/**
 * How often a resource looks by itself at what it waits for, in milliseconds. It is woken when that settles; this is for the one case that
 * the waker died between the two.
 */
const waitingMs = 5_000;

/** How a run was settled. */
export interface Settled {
  readonly outcome: RunOutcome;
  /** It became ready with this run: what waits for it should be woken. */
  readonly becameReady: boolean;
  /** When the task is looked at again; undefined: it is done. */
  readonly at?: number;
}

/** What settling needs beside the run. */
export interface Settling<Drivers> extends Workbench<Drivers> {
  readonly random: () => number;
}

/** What a tenant may read of an error. */
export function hindranceOf(error: unknown): Hindrance {
  if (error instanceof StepError) return { reason: error.reason, message: error.message };
  return {
    reason: "BackendError",
    message:
      "The backend failed. The cloud keeps trying; if this lasts, ask the cloud's operator, whose log has the details.",
  };
}

/** Whether trying again would be in vain. What is to be removed is tried on in any case. */
export function isFinal({ phase }: Pick<ResourceRow, "phase">, error: unknown): boolean {
  return phase === "live" && error instanceof StepError && error.final;
}

/** Stores the end of a run. @throws StoreError "lease_lost" if another worker has the task by now; then nothing is stored. */
export function settle<Drivers>(
  bench: Settling<Drivers>,
  kind: EngineKind<Drivers>,
  task: Task,
  result: RunResult | undefined,
): Promise<Settled> {
  return bench.store.transact(async (tx) => {
    const row = await tx.get(task.key);
    if (row === undefined || result === undefined) return finish(tx, task, "done");
    // It was changed meanwhile: what was done may be out of date, so it is looked at again at once.
    if (row.version !== result.row.version) return later(tx, task, "stale", { at: tx.now, attempt: 0, step: "" });
    if (result.end.end === "finished" && row.phase === "deleting") return await removed(tx, kind, task, row);
    if (result.end.end === "aborted")
      return later(tx, task, "returned", { at: tx.now, attempt: task.attempt, step: result.end.step });
    const { status, outcome, next } = await judge(bench, kind, task, row, result.end, tx);
    const wasReady = storedStatus(kind.schema, row)?.state === State.READY;
    record(tx, kind, row, result, status);
    const settled = next === "done" ? finish(tx, task, outcome) : later(tx, task, outcome, next);
    return { ...settled, becameReady: outcome === "ready" && !wasReady };
  });
}

interface Judgement {
  readonly status: Status;
  readonly outcome: RunOutcome;
  readonly next: "done" | { readonly at: number; readonly attempt: number; readonly step: string };
}

async function judge<Drivers>(
  bench: Settling<Drivers>,
  kind: EngineKind<Drivers>,
  task: Task,
  row: ResourceRow,
  end: Exclude<RunResult["end"], { readonly end: "aborted" }>,
  tx: Tx,
): Promise<Judgement> {
  const stored = storedStatus(kind.schema, row);
  const backend = kind.reconciler?.backend(bench.drivers) ?? "";
  const failures = task.attempt;
  switch (end.end) {
    case "finished":
      return { status: readyStatus(row.version, backend), outcome: "ready", next: "done" };
    case "not_yet": {
      const now = currentStatus(row, stored);
      const stays = end.notYet.keepsReady === true && now.state === State.READY;
      const status = stays ? now : pendingStatus(row, stored, { hindrance: end.notYet, failures, backend });
      return {
        status,
        outcome: "not_yet",
        next: { at: tx.now + end.notYet.againMs, attempt: failures, step: end.step },
      };
    }
    case "waiting": {
      // Read again: if the target became ready meanwhile, its waker did not see this one wait.
      const still = await notReady({ kinds: bench.kinds, store: tx }, kind, row);
      const hindrance = { reason: "WaitingFor", message: (still ?? end.for).message };
      const now = currentStatus(row, stored);
      const status = now.state === State.READY ? now : pendingStatus(row, stored, { hindrance, failures: 0, backend });
      const at = still === undefined ? tx.now : tx.now + waitingMs;
      return { status, outcome: "waiting", next: { at, attempt: failures, step: "" } };
    }
    case "failed": {
      const attempt = failures + 1;
      const hindrance = hindranceOf(end.error);
      if (isFinal(row, end.error))
        return { status: refusedStatus(row, { hindrance, backend }), outcome: "failed", next: "done" };
      const status = failedStatus(row, stored, { hindrance, failures: attempt, backend });
      return {
        status,
        outcome: "failed",
        next: { at: tx.now + backoffMs(attempt, bench.random), attempt, step: end.step },
      };
    }
  }
}

/** Writes outputs and status with their event, unless nothing is new. */
function record<Drivers>(tx: Tx, kind: EngineKind<Drivers>, row: ResourceRow, result: RunResult, status: Status): void {
  const observed = result.observations.bytes(row.observed, status);
  if (Buffer.compare(observed, row.observed) === 0) return;
  tx.observe(row, observed);
  const amounts = kind.amounts?.({ ...row, observed });
  if (amounts !== undefined) tx.measure(row, amounts);
  tx.append(event("observed", kind, { ...row, observed }));
}

async function removed<Drivers>(tx: Tx, kind: EngineKind<Drivers>, task: Task, row: ResourceRow): Promise<Settled> {
  await kind.release?.(tx, row);
  const settled = finish(tx, task, "removed");
  tx.remove(keyOf(row));
  tx.append(event("deleted", kind, row));
  return settled;
}

function finish(tx: Tx, task: Task, outcome: RunOutcome | "done"): Settled {
  tx.settle(task, { outcome: "done" });
  return { outcome: outcome === "done" ? "removed" : outcome, becameReady: false };
}

function later(
  tx: Tx,
  task: Task,
  outcome: RunOutcome,
  next: { readonly at: number; readonly attempt: number; readonly step: string },
): Settled {
  tx.settle(task, { outcome: "later", ...next });
  return { outcome, becameReady: false, at: next.at };
}

function event<Drivers>(type: EventType, kind: EngineKind<Drivers>, row: ResourceRow): NewEvent {
  return {
    ...keyOf(row),
    type,
    version: row.version,
    actor: "engine",
    sourceIp: "",
    requestId: "",
    method: "",
    permission: "",
    resource: withoutSecrets(kind.schema, wholeBytes(row)),
  };
}

function keyOf({ tenant, kind, id }: ResourceKey): ResourceKey {
  return { tenant, kind, id };
}
