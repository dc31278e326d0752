// The consoles' door: GET /console/{token} becomes a WebSocket (RFC 6455), whose binary messages are the console's bytes both ways.
import type { IncomingMessage } from "node:http";
import { type Duplex, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createWebSocketStream, type WebSocket, WebSocketServer } from "ws";
import { Fault } from "../fault.ts";
import {
  type ConsoleSession,
  type ConsoleSessions,
  connectMethod,
  type Visitor,
} from "../services/plasmavmc/console/sessions.ts";
import { actorOf } from "../services/resources/work.ts";
import { mayComeFrom } from "./console-origin.ts";
import { refuseUpgrade } from "./console-refusal.ts";
import { requestIdOf } from "./headers.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { Strangers } from "./strangers.ts";

/** The sub-protocol that VNC clients in browsers ask for. */
const subProtocol = "binary";
/** The largest message that is taken, in bytes: far more than a person pastes. */
const mostBytes = 1024 * 1024;
/** How often a silent viewer is asked whether it is still there, in milliseconds; below the idle limits of common proxies. */
const pingMs = 20_000;
/** How long a viewer may take to say goodbye, in milliseconds. */
const goodbyeMs = 2_000;
/** RFC 6455 section 7.4.1. */
const closeCodes = { goingAway: 1001, policy: 1008, internal: 1011 } as const;

const door = /^\/console\/([A-Za-z0-9_.-]{1,200})$/;

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export interface ConsoleDoorParts {
  readonly sessions: ConsoleSessions;
  /** Origins beside the server's own whose pages may connect: "https://console.example". */
  readonly origins: readonly string[];
  readonly strangers: Strangers;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Aborts, with a Fault, when the server stops. */
  readonly stopping: AbortSignal;
}

/** Takes the upgrades of an HTTP/1.1 server. The token is in no log and in no answer. */
export function createConsoleDoor(parts: ConsoleDoorParts): UpgradeHandler {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: mostBytes,
    perMessageDeflate: false,
    handleProtocols: (asked) => (asked.has(subProtocol) ? subProtocol : false),
  });
  return (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    admit(parts, request, socket).then(
      (session) => {
        if (session === undefined) return;
        // Also where the handshake turns out to be none.
        socket.once("close", () => session.close());
        sockets.handleUpgrade(request, socket, head, (ws) => void serve(parts, ws, session, request));
      },
      async (error: unknown) => {
        const requestId = requestIdOf(request.headers["x-request-id"]);
        await noteRefusal(parts, error, { sourceIp: request.socket.remoteAddress ?? "", requestId });
        refuseUpgrade(socket, error, requestId, parts.log);
      },
    );
  };
}

/** A ticket that is not good, or a page that may not come; what is refused to a ticket's holder the sessions note themselves. */
async function noteRefusal({ strangers }: ConsoleDoorParts, error: unknown, from: Visitor): Promise<void> {
  if (!(error instanceof Fault) || error.details.decidedBy === undefined) return;
  await strangers.note({ ...from, method: connectMethod }, error.details.decidedBy);
}

/** Undefined: the visitor has gone meanwhile. @throws Fault */
async function admit(
  { sessions, origins, stopping }: ConsoleDoorParts,
  request: IncomingMessage,
  socket: Duplex,
): Promise<ConsoleSession | undefined> {
  const [, token] = door.exec(request.url ?? "") ?? [];
  if (token === undefined || request.method !== "GET")
    throw new Fault("NOT_FOUND", "WebSockets are at /console/ alone, at the URL that OpenConsole answers");
  if (!mayComeFrom(request.headers, origins))
    throw new Fault(
      "PERMISSION_DENIED",
      "pages of this origin may not open consoles; the operator names those that may",
      { decidedBy: "origin" },
    );
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  const visitor = {
    sourceIp: request.socket.remoteAddress ?? "",
    requestId: requestIdOf(request.headers["x-request-id"]),
  };
  const session = await sessions.enter(token, visitor, AbortSignal.any([gone.signal, stopping]));
  if (!gone.signal.aborted) return session;
  session.close();
  return undefined;
}

async function serve(parts: ConsoleDoorParts, ws: WebSocket, session: ConsoleSession, request: IncomingMessage) {
  const { log, metrics, stopping } = parts;
  const fields = {
    request_id: requestIdOf(request.headers["x-request-id"]),
    actor: actorOf(session.principal),
    vm_id: session.vmId,
  };
  log.info(fields, "console opened");
  metrics.streams(1);
  const stopPinging = keepAlive(ws);
  const ends = AbortSignal.any([session.ends, stopping]);
  const end = () => sayWhy(ws, ends.reason, stopping.aborted);
  if (ends.aborted) end();
  else ends.addEventListener("abort", end, { once: true });
  const closed = new Promise((resolve) => void ws.once("close", resolve));
  // Both ways in one: each side waits for the other. When the machine ends, so does the line.
  const line = createWebSocketStream(ws);
  pipeline(line, takenUntil(ends), session.bytes, line).catch((error: unknown) => {
    if (ws.readyState !== ws.OPEN) return;
    log.debug({ ...fields, err: error }, "console broke off");
    ws.close(closeCodes.internal, "the console broke off");
    hangUp(ws);
  });
  await closed;
  ends.removeEventListener("abort", end);
  stopPinging();
  session.close();
  metrics.streams(-1);
  log.info(fields, "console closed");
}

/** What is typed reaches the machine while its holder may see it, and not as long as a goodbye is waited for. */
function takenUntil(ends: AbortSignal): Transform {
  return new Transform({ transform: (chunk, _, done) => done(null, ends.aborted ? undefined : chunk) });
}

function sayWhy(ws: WebSocket, reason: unknown, stopping: boolean): void {
  const words = reason instanceof Fault ? reason.message : "the console has ended";
  // A reason has at most 123 bytes (RFC 6455 section 5.5).
  ws.close(stopping ? closeCodes.goingAway : closeCodes.policy, words.slice(0, 120));
  hangUp(ws);
}

/** Who does not say goodbye is cut off. */
function hangUp(ws: WebSocket): void {
  const timer = setTimeout(() => ws.terminate(), goodbyeMs);
  ws.once("close", () => clearTimeout(timer));
}

/** Lets go of viewers that have gone without a word. */
function keepAlive(ws: WebSocket): () => void {
  let heard = true;
  ws.on("pong", () => {
    heard = true;
  });
  const timer = setInterval(() => {
    if (!heard) return ws.terminate();
    heard = false;
    ws.ping();
  }, pingMs);
  return () => clearInterval(timer);
}
