// Requests that are no RPC and whose answers a service writes itself: OAuth, OpenID Connect, SCIM, Terraform's registry. The edge reads the body within bounds and logs
// the path without its query, which holds codes.
import { pipeline } from "node:stream/promises";
import { Fault } from "../fault.ts";
import type { WebAnswer, WebHandler, WebRequest } from "../services/web.ts";
import { bearerOf } from "./headers.ts";
import type { HttpRequest, HttpResponse } from "./http.ts";
import type { Log } from "./log.ts";
import type { Permit } from "./permit.ts";

/** What these paths begin with; everything else is looked up as ever. */
const prefixes = [
  "/oauth2/",
  "/scim/v2/",
  "/terraform/",
  "/.well-known/terraform.json",
  "/.well-known/openid-configuration",
  "/.well-known/oauth-authorization-server",
];
/** The largest body: a SCIM group of some thousand members. */
const mostBytes = 1024 * 1024;

export interface Web {
  readonly handle: WebHandler;
  readonly log: Log;
  readonly permit: Permit;
}

export function isWebPath(path: string): boolean {
  return prefixes.some((prefix) => path.startsWith(prefix));
}

/** Answers whether there is anything at that path. */
export async function serveWeb(web: Web, request: HttpRequest, response: HttpResponse, id: string): Promise<boolean> {
  const startedAt = performance.now();
  const asked = await readWebRequest(web, request, id, goneSignal(response));
  const working = web.handle(asked);
  if (working === undefined) return false;
  const answer = await working;
  await send(answer, request, response, id);
  const ms = Math.round((performance.now() - startedAt) * 100) / 100;
  const fields = {
    request_id: id,
    method: `${asked.method} ${asked.url.pathname.slice(0, 200)}`,
    status: answer.status,
  };
  web.log.info({ ...fields, ms, source_ip: asked.sourceIp }, "page");
  return true;
}

/** Aborts when the caller has gone away before the answer was out. */
function goneSignal(response: HttpResponse): AbortSignal {
  const gone = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) gone.abort();
  });
  return gone.signal;
}

/** @throws Fault REQUEST_TOO_LARGE */
async function readWebRequest(
  { permit }: Web,
  request: HttpRequest,
  requestId: string,
  signal: AbortSignal,
): Promise<WebRequest> {
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value]),
  );
  const url = new URL((request.url ?? "/").replace(/^\/+/, "/"), "http://cloud.invalid");
  const rest = { method: request.method ?? "GET", url, headers, body: await readBody(request), signal };
  const askedBy = (token: string): WebRequest => {
    const asker = { sourceIp: request.socket.remoteAddress ?? "", requestId, token };
    return {
      ...asker,
      permit: (kind, verb, org, resourceId, work) => permit(asker, { kind, verb, org, id: resourceId }, work),
      as: askedBy,
      ...rest,
    };
  };
  return askedBy(bearerOf(request.headers.authorization ?? null));
}

async function readBody(request: HttpRequest): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.byteLength;
    if (size > mostBytes) throw new Fault("REQUEST_TOO_LARGE", `the body has more than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function send(answer: WebAnswer, request: HttpRequest, response: HttpResponse, id: string): Promise<void> {
  response.statusCode = answer.status;
  response.setHeader("x-request-id", id);
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
  const { body } = answer;
  if (typeof body === "string") response.end(request.method === "HEAD" ? "" : body);
  else if (request.method === "HEAD") response.end(() => body.destroy());
  else await pipeline(body, response);
}
