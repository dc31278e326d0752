// The Connect edge: who calls, may they, and in which words they are answered. Nothing here knows a kind, a table or a backend.
export { createEdge, type Edge, type EdgeParts } from "./edge.ts";
export { engineMetrics } from "./engine-metrics.ts";
export { type Listener, type ListenOptions, listen } from "./listen.ts";
export { createLog, type Log } from "./log.ts";
export { createMetrics, type Metrics } from "./metrics.ts";
export { networkMetrics } from "./network-metrics.ts";
export { metricsHandler } from "./pages.ts";
