// The engine's numbers as Prometheus sees them.
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { EngineMetrics } from "../engine/hooks.ts";

/** From a step of a simulated backend to a guest that boots. Seconds. */
const buckets = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 300];

export function engineMetrics(registry: Registry): EngineMetrics {
  const registers = [registry];
  const runs = new Counter({
    name: "photon_engine_runs_total",
    help: "Runs of the engine's tasks that ended, by kind and outcome.",
    labelNames: ["kind", "outcome"],
    registers,
  });
  const seconds = new Histogram({
    name: "photon_engine_run_seconds",
    help: "How long runs took.",
    labelNames: ["kind"],
    buckets,
    registers,
  });
  const failures = new Counter({
    name: "photon_engine_failures_total",
    help: "Steps that failed.",
    labelNames: ["kind", "step", "reason"],
    registers,
  });
  const lag = new Gauge({ name: "photon_engine_lag_seconds", help: "How late the oldest due task was.", registers });
  const active = new Gauge({ name: "photon_engine_active_tasks", help: "Tasks that run now.", registers });
  const overdue = new Counter({
    name: "photon_engine_overdue_total",
    help: "Resources that were not as asked for after their kind's deadline.",
    labelNames: ["kind"],
    registers,
  });
  return {
    run(kind, outcome, ms) {
      runs.inc({ kind, outcome });
      seconds.observe({ kind }, ms / 1000);
    },
    failure: (kind, step, reason) => failures.inc({ kind, step, reason }),
    lag: (ms) => lag.set(ms / 1000),
    active: (tasks) => active.set(tasks),
    deadline: (key) => overdue.inc({ kind: key.kind }),
  };
}
