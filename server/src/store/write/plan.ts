// What a transaction's closure leaves behind: plain data, sent to the writer, which applies all of it or nothing.
import type {
  Amounts,
  Claim,
  NewEvent,
  Phase,
  Remembered,
  ResourceKey,
  ResourceWrite,
  StoreErrorReason,
  Task,
  TaskOutcome,
} from "../store.ts";

/** A row as the closure saw it. It still is so if its stamp is the same. */
export interface Expectation {
  readonly key: ResourceKey;
  /** Undefined: there was none. */
  readonly seen: { readonly stamp: string; readonly phase: Phase } | undefined;
}

/** A guard's counter as it stood when the closure began to read. */
export interface GuardRead {
  readonly name: string;
  readonly counter: number;
}

/** What happens to one resource. */
export interface Change {
  readonly key: ResourceKey;
  put?: {
    readonly mode: "create" | "update";
    readonly write: ResourceWrite;
    /** What an updated resource took before. */
    readonly had?: Amounts | undefined;
  };
  observed?: Uint8Array;
  measured?: Amounts;
  end?: "tombstone" | "remove";
}

export interface Kept {
  readonly scope: string;
  readonly key: string;
  readonly kept: Remembered;
  readonly expiresAt: number;
}

export interface Plan {
  readonly now: number;
  /** Names this transaction in the rows that it writes; never used twice. */
  readonly stamp: string;
  readonly expectations: readonly Expectation[];
  readonly guards: readonly GuardRead[];
  readonly changes: readonly Change[];
  readonly events: readonly NewEvent[];
  readonly schedules: readonly { readonly key: ResourceKey; readonly at: number }[];
  readonly settles: readonly { readonly task: Task; readonly outcome: TaskOutcome }[];
  readonly remembers: readonly Kept[];
}

/** True if the plan changes anything; otherwise it only asks whether what was read still holds. */
export function writes(plan: Plan): boolean {
  return (
    plan.changes.length + plan.events.length + plan.schedules.length + plan.settles.length + plan.remembers.length > 0
  );
}

/** Why a plan was not applied. "stale": what it read has changed, or a drawn claim was taken; running the closure again may help. */
export type Refusal = { readonly reason: "stale" } | StoreErrorReason;

/** Thrown inside a script to undo its transaction. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(`refused: ${refusal.reason}`);
    this.refusal = refusal;
  }
}

export function stale(): Refused {
  return new Refused({ reason: "stale" });
}

/** Who takes which claim. */
export interface Taking {
  readonly by: ResourceKey;
  readonly claim: Claim;
}
