// Requests that are no RPC and whose answers a service writes itself: OAuth, OpenID Connect, SCIM, Terraform's registry. The edge reads the body within bounds and logs
// the path without its query, which holds codes.
import { pipeline } from "node:stream/promises";
import { Fault } from "../fault.ts";
import type { TenantPages, TenantRequest, WebAnswer, WebHandler, WebRequest } from "../services/web.ts";
import { bearerOf } from "./headers.ts";
import type { HttpRequest, HttpResponse } from "./http.ts";
import type { Log } from "./log.ts";
import type { Permit, PermitInOrg } from "./permit.ts";
import { segment } from "./scope.ts";

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
  readonly permit: PermitInOrg;
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
  logPage(web.log, asked, answer, startedAt);
  return true;
}

type Told = Pick<WebRequest, "method" | "url" | "sourceIp" | "requestId">;

function logPage(log: Log, { method, url, sourceIp, requestId }: Told, { status }: WebAnswer, startedAt: number): void {
  const ms = Math.round((performance.now() - startedAt) * 100) / 100;
  const fields = { request_id: requestId, method: `${method} ${url.pathname.slice(0, 200)}`, status };
  log.info({ ...fields, ms, source_ip: sourceIp }, "page");
}

/** What serves a project's own pages. */
export interface ServedTenantPages {
  readonly pages: TenantPages;
  readonly log: Log;
  readonly permit: Permit;
}

/** Answers for a project. @throws Fault */
export async function serveTenantPage(
  { pages, log, permit }: ServedTenantPages,
  request: HttpRequest,
  response: HttpResponse,
  requestId: string,
): Promise<void> {
  const startedAt = performance.now();
  const sourceIp = request.socket.remoteAddress ?? "";
  const asked: TenantRequest = {
    ...headOf(request),
    sourceIp,
    requestId,
    signal: goneSignal(response),
    read: (most) => readBody(request, most),
    permit({ token, permission, method, tenant, type, id }, work) {
      const path = { org: segment(tenant.org), project: segment(tenant.project), type, id: segment(id) };
      const attributes = () => Promise.resolve({});
      return permit({ token, sourceIp, requestId }, { permission, method, path, kind: "", attributes }, work);
    },
  };
  const answer = await pages.handle(asked);
  await send(answer, request, response, requestId);
  logPage(log, asked, answer, startedAt);
}

/** Aborts when the caller has gone away before the answer was out. */
export function goneSignal(response: HttpResponse): AbortSignal {
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
  const rest = { ...headOf(request), body: await readBody(request, mostBytes), signal };
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

function headOf(request: HttpRequest): Pick<WebRequest, "method" | "url" | "headers"> {
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value]),
  );
  const url = new URL((request.url ?? "/").replace(/^\/+/, "/"), "http://cloud.invalid");
  return { method: request.method ?? "GET", url, headers };
}

/** The whole body. @throws Fault REQUEST_TOO_LARGE */
async function readBody(request: HttpRequest, most: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.byteLength;
    if (size > most) throw new Fault("REQUEST_TOO_LARGE", `the body has more than ${most} bytes`);
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
