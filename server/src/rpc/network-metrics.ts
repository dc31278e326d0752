// The numbers of the comparisons of the network backend with the store, as Prometheus sees them.
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { ComparisonMetrics } from "../services/network/watcher.ts";

/** From a handful of objects to a hundred thousand. Seconds. */
const buckets = [0.01, 0.05, 0.25, 1, 5, 30];

export function networkMetrics(registry: Registry): ComparisonMetrics {
  const registers = [registry];
  const objects = new Gauge({
    name: "photon_network_objects",
    help: "Objects that the network backend should hold, at the last comparison.",
    registers,
  });
  const foreign = new Gauge({
    name: "photon_network_foreign_rows",
    help: "Rows of others in the network backend, at the last comparison.",
    registers,
  });
  const findings = new Counter({
    name: "photon_network_findings_total",
    help: "Objects of the network backend that had drifted, or belonged to nothing.",
    labelNames: ["finding"],
    registers,
  });
  const seconds = new Histogram({
    name: "photon_network_comparison_seconds",
    help: "How long comparisons of the network backend with the store took.",
    buckets,
    registers,
  });
  const failures = new Counter({
    name: "photon_network_comparison_failures_total",
    help: "Comparisons that could not be made.",
    registers,
  });
  return {
    compared(found, ms) {
      objects.set(found.objects);
      foreign.set(found.foreign.length);
      findings.inc({ finding: "drifted" }, found.drifted.length);
      findings.inc({ finding: "stray" }, found.strays.length);
      seconds.observe(ms / 1000);
    },
    failed: () => failures.inc(),
  };
}
