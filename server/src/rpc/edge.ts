// The edge put together: every method behind the gate, reflection and health beside them, as one handler of HTTP requests.
import type { DescMessage, DescMethod, DescMethodServerStreaming, DescMethodUnary } from "@bufbuild/protobuf";
import { type ConnectRouter, createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { Fault } from "../fault.ts";
import { createAccess } from "./access.ts";
import { pathsOf } from "./aliases.ts";
import { createBatchHandler } from "./batch.ts";
import { createConsoleDoor, type UpgradeHandler } from "./console-socket.ts";
import { createGate } from "./gate.ts";
import { createHealth } from "./health.ts";
import { createHttpHandler, type HttpHandler } from "./http.ts";
import { createInvoker, type Invoker } from "./invoke.ts";
import { createPages } from "./pages.ts";
import { type EdgeParts, maxBodyBytes } from "./parts.ts";
import { createPermit, permitInOrg } from "./permit.ts";
import { addReflection } from "./reflection.ts";
import { createRefusals } from "./refusals.ts";
import { createRoutes, type Route } from "./routes.ts";
import { Strangers } from "./strangers.ts";
import { createStreamCount, limitStrangers } from "./streams.ts";
import { rememberTokens } from "./tokens.ts";
import { createUploadHandler } from "./upload.ts";

export type { EdgeParts } from "./parts.ts";

export interface Edge {
  readonly handle: HttpHandler;
  /** Takes WebSockets; undefined: there are none. */
  readonly upgrade: UpgradeHandler | undefined;
  /** Resolves when no call is being answered. Streams count, too: they end when it drains. */
  idle(): Promise<void>;
  /** Not ready any more: health says so, streams end with SHUTTING_DOWN. */
  drain(): void;
  close(): Promise<void>;
}

/** The longest deadline that a call may have: what a timer can hold, 24 days. A longer one is refused, since it would pass at once. */
const longestTimeoutMs = 2 ** 31 - 1;

function addRoute(router: ConnectRouter, route: Route, invoker: Invoker): void {
  const { method } = route;
  if (isUnary(method)) router.rpc(method, (request, context) => invoker.unary(route, request, context));
  else if (isServerStream(method)) router.rpc(method, (request, context) => invoker.stream(route, request, context));
  else throw new Error(`${route.name} streams from the client, which no service of ours does`);
}

function isUnary(method: DescMethod): method is DescMethodUnary<DescMessage, DescMessage> {
  return method.methodKind === "unary";
}

function isServerStream(method: DescMethod): method is DescMethodServerStreaming<DescMessage, DescMessage> {
  return method.methodKind === "server_streaming";
}

function byPath(handlers: readonly UniversalHandler[], kindMethods: ReadonlySet<DescMethod>) {
  return new Map(
    handlers.flatMap((handler) =>
      pathsOf(handler.method, kindMethods.has(handler.method)).map((path) => [path, handler] as const),
    ),
  );
}

export function createEdge(parts: EdgeParts): Edge {
  const tokens = rememberTokens(parts.authenticator, parts.clock);
  const strangers = new Strangers(parts);
  const stopping = new AbortController();
  const refusals = createRefusals(parts);
  const routes = createRoutes(parts.catalog, parts.calls, parts.services);
  const invoker = createInvoker({ ...parts, refusals, tokens, stopping: stopping.signal });
  const router = createConnectRouter({
    acceptCompression: [compressionGzip, compressionBrotli],
    readMaxBytes: maxBodyBytes,
    maxTimeoutMs: longestTimeoutMs,
    jsonOptions: { ignoreUnknownFields: false },
    requestGate: createGate(parts, new Map(routes.map((route) => [route.method, route])), { tokens, strangers }),
  });
  for (const route of routes) addRoute(router, route, invoker);
  const unknown = limitStrangers(createStreamCount());
  addReflection(router, parts.catalog, unknown, stopping.signal);
  const health = createHealth(parts.catalog, parts.notReady, unknown, stopping.signal);
  health.add(router);
  const access = createAccess({ authorizer: parts.authorizer, refusals, tokens, strangers });
  const permit = createPermit(access);
  const kindMethods = new Set(routes.filter((route) => route.kind !== "").map((route) => route.method));
  const handlers = byPath(router.handlers, kindMethods);
  const http = createHttpHandler({
    handlers,
    batch: createBatchHandler({ handlers, tokens, strangers }),
    pages: createPages(parts, stopping.signal),
    log: parts.log,
    ...(parts.web && { web: { handle: parts.web, log: parts.log, permit: permitInOrg(permit, parts.calls) } }),
    ...(parts.tenantPages && { tenantPages: { pages: parts.tenantPages, log: parts.log, permit } }),
    ...(parts.uploads && {
      upload: createUploadHandler({ ...parts, uploads: parts.uploads, access, tokens, stopping: stopping.signal }),
    }),
  });
  return {
    handle: http.handle,
    upgrade: parts.consoles && createConsoleDoor({ ...parts, ...parts.consoles, strangers, stopping: stopping.signal }),
    idle: http.idle,
    drain: () => stopping.abort(new Fault("SHUTTING_DOWN", "the server is stopping; call again in a moment")),
    async close() {
      tokens.close();
      await strangers.stop();
    },
  };
}
