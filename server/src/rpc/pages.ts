// The plain pages beside the methods: alive, ready, metrics, the keys of tokens.
import { createHttpHandler, type HttpHandler, type Page } from "./http.ts";
import type { EdgeParts } from "./parts.ts";

const json = "application/json";
const plainText = "text/plain; charset=utf-8";

/** The page that Prometheus scrapes. */
function metricsPage(parts: Pick<EdgeParts, "metrics">): Page {
  return async () => ({ status: 200, type: parts.metrics.registry.contentType, body: await parts.metrics.text() });
}

/** A server of /metrics alone, for an address of its own. */
export function metricsHandler(parts: Pick<EdgeParts, "metrics" | "log">): HttpHandler {
  const pages = new Map([["/metrics", metricsPage(parts)]]);
  return createHttpHandler({ handlers: new Map(), pages, log: parts.log }).handle;
}

function readyPage(parts: Pick<EdgeParts, "notReady">, stopping: AbortSignal): Page {
  return async () => {
    const why = stopping.aborted ? "stopping" : await parts.notReady();
    return why === ""
      ? { status: 200, type: plainText, body: "ready\n" }
      : { status: 503, type: plainText, body: `not ready: ${why}\n` };
  };
}

export function createPages(parts: EdgeParts, stopping: AbortSignal): ReadonlyMap<string, Page> {
  const pages = new Map<string, Page>([
    ["/healthz", async () => ({ status: 200, type: plainText, body: "alive\n" })],
    ["/readyz", readyPage(parts, stopping)],
    ["/.well-known/jwks.json", async () => ({ status: 200, type: json, body: JSON.stringify(await parts.jwks()) })],
  ]);
  if (parts.metricsHere) pages.set("/metrics", metricsPage(parts));
  return pages;
}
