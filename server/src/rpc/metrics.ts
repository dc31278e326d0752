// What Prometheus scrapes: calls by method and code, how long they took, what is open, and the process itself.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

export interface Metrics {
  readonly registry: Registry;
  /** One call ended. `code` is Connect's name for it, "ok" for success. */
  called(method: string, code: string, seconds: number): void;
  /** A stream began (1) or ended (-1). */
  streams(change: 1 | -1): void;
  /** A refusal was kept out of the event log because its principal had too many. */
  refusalDropped(): void;
  text(): Promise<string>;
}

/** From half a millisecond, a read from the store, to ten seconds, a wait for a resource. */
const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** Keeps what a library makes anew for each pair of labels: there are few, and they are asked for with every call. */
function remembered<T>(make: (method: string, code: string) => T): (method: string, code: string) => T {
  const made = new Map<string, T>();
  return (method, code) => {
    const key = `${method} ${code}`;
    const known = made.get(key) ?? make(method, code);
    made.set(key, known);
    return known;
  };
}

/** @param options.process False leaves the process's own metrics out, where many servers live in one process. */
export function createMetrics(options: { readonly process: boolean }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (options.process) collectDefaultMetrics({ register: registry });
  const calls = new Counter({
    name: "photon_calls_total",
    help: "Calls that ended, by method and code.",
    labelNames: ["method", "code"],
    registers,
  });
  const seconds = new Histogram({
    name: "photon_call_seconds",
    help: "How long unary calls took.",
    labelNames: ["method"],
    buckets,
    registers,
  });
  const open = new Gauge({ name: "photon_open_streams", help: "Streams that are open now.", registers });
  const dropped = new Counter({
    name: "photon_refusals_dropped_total",
    help: "Refused calls that were not written to the event log, because their principal had too many.",
    registers,
  });
  const countOf = remembered((method, code) => calls.labels(method, code));
  const timeOf = remembered((method) => seconds.labels(method));
  return {
    registry,
    called(method, code, took) {
      countOf(method, code).inc();
      timeOf(method, "").observe(took);
    },
    streams: (change) => open.inc(change),
    refusalDropped: () => dropped.inc(),
    text: () => registry.metrics(),
  };
}
