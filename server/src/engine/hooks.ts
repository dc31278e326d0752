// What the engine tells the outside: lines for the log, numbers for the metrics. It knows no logger and no metrics library.
import type { ResourceKey } from "../store/store.ts";

/** The part of a structured logger (pino's shape) that the engine uses. */
export interface EngineLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** How one run of a task ended; "lost": another worker has its lease, "returned": given back since the server stops. */
export type RunOutcome = "ready" | "removed" | "waiting" | "not_yet" | "failed" | "stale" | "lost" | "returned";

/** Numbers, as they happen. Every hook is optional and must not throw. */
export interface EngineMetrics {
  /** One run of a task ended, after `ms` milliseconds. */
  run?(kind: string, outcome: RunOutcome, ms: number): void;
  /** A step threw. `reason` is the StepError's, or "BackendError". */
  failure?(kind: string, step: string, reason: string): void;
  /** How late the oldest due task was when the engine came to take it, in milliseconds. */
  lag?(ms: number): void;
  /** How many tasks this engine runs at the moment. */
  active?(tasks: number): void;
  /** A resource is not as asked for after its kind's deadline; told once for each time that it was scheduled. */
  deadline?(key: ResourceKey, overdueMs: number): void;
}

/** A log that says nothing. */
export const silentLog: EngineLog = { debug() {}, info() {}, warn() {}, error() {} };
