// The metadata service of one subnet: answers HTTP requests of guests about themselves. Without namespaces and sockets: those are the server's.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Directory, GuestFacts, Place } from "../directory.ts";
import type { RateLimit } from "../limits.ts";
import type { AgentLog } from "../log.ts";
import { callerOf } from "./caller.ts";
import { photonDocument } from "./photon-document.ts";
import { parseTtl, type SessionTokens } from "./token.ts";
import { read, treeOf, versions } from "./tree.ts";

export interface MetadataParts {
  readonly place: Place;
  readonly directory: Directory;
  readonly tokens: SessionTokens;
  readonly rate: RateLimit;
  readonly log: AgentLog;
  /**
   * Has what is sent to an address go to a MAC and to no other, until undone: a port that forwards may speak with another's address, and say that it
   * is its own.
   */
  pin(address: string, macAddress: string): Promise<() => Promise<void>>;
}

/** What is answered. */
interface Answer {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The MAC that alone may get it. */
  readonly onlyTo?: string;
}

const ttlHeader = "x-aws-ec2-metadata-token-ttl-seconds";
const tokenHeader = "x-aws-ec2-metadata-token";

const ok = (body: string, type = "text/plain"): Answer => ({ status: 200, body, type });
const fail = (status: number, body: string): Answer => ({ status, body: `${body}\n` });
const nothing = fail(404, "there is nothing here");

/** The names that the service goes by: a page that a guest's browser got elsewhere comes with another (DNS rebinding). */
const ownHost = /^(169\.254\.169\.254|\[fe80::a9fe:a9fe(%[^\]]*)?\])(:80)?$/i;

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" ? value : undefined;
}

/** What is wrong with a request, whoever sent it. */
function wrongWith(request: IncomingMessage): Answer | undefined {
  if (request.headers["x-forwarded-for"] !== undefined)
    return fail(403, "requests that were forwarded are not answered");
  if (!ownHost.test(headerOf(request, "host") ?? ""))
    return fail(403, "the Host must be 169.254.169.254 or [fe80::a9fe:a9fe]");
  return undefined;
}

function issueToken(request: IncomingMessage, facts: GuestFacts, tokens: SessionTokens): Answer {
  const ttl = parseTtl(headerOf(request, ttlHeader));
  if (ttl === undefined) return fail(400, `${ttlHeader} must be 1 to 21600 seconds`);
  const { id: portId, macAddress } = facts.port;
  return { ...ok(tokens.issue(portId, ttl)), headers: { [ttlHeader]: `${ttl}` }, onlyTo: macAddress };
}

function readPath(path: string, facts: GuestFacts): Answer {
  if (path === "/") return ok(versions.join("\n"));
  if (path === "/photon/v1") return ok(photonDocument(facts), "application/json");
  const [, version = "", ...rest] = path.split("/");
  const text = versions.includes(version) ? read(treeOf(facts), rest) : undefined;
  return text === undefined ? nothing : ok(text);
}

async function answer(request: IncomingMessage, parts: MetadataParts): Promise<Answer> {
  const { place, directory, tokens, rate } = parts;
  const { remoteAddress = "" } = request.socket;
  if (!rate.take(`${place.subnetId} ${remoteAddress}`)) return fail(429, "too many requests; wait a second");
  const wrong = wrongWith(request);
  if (wrong !== undefined) return wrong;
  const caller = callerOf(remoteAddress);
  const facts = caller && (await directory.guest(place, caller));
  if (facts === undefined) return nothing;
  const { method, url = "/" } = request;
  const path = url.replace(/\?.*$/s, "").replace(/(?<=.)\/+$/, "");
  if (method === "PUT" && path === "/latest/api/token") return issueToken(request, facts, tokens);
  if (method !== "GET" && method !== "HEAD") return fail(405, "read with GET; PUT /latest/api/token for a token");
  const token = headerOf(request, tokenHeader);
  if (token === undefined || !tokens.accepts(facts.port.id, token))
    return fail(401, `a token is needed: PUT /latest/api/token with ${ttlHeader}, then send it as ${tokenHeader}`);
  return readPath(path, facts);
}

async function send(request: IncomingMessage, response: ServerResponse, { status, body, type, headers }: Answer) {
  const bytes = Buffer.from(body);
  const common = { "content-type": type ?? "text/plain", "content-length": bytes.length, "cache-control": "no-store" };
  response.writeHead(status, { ...common, ...headers });
  const sent = Promise.withResolvers<void>();
  response.once("close", sent.resolve);
  response.end(request.method === "HEAD" ? undefined : bytes, sent.resolve);
  await sent.promise;
}

async function respond(request: IncomingMessage, response: ServerResponse, parts: MetadataParts): Promise<void> {
  const answered = await answer(request, parts);
  if (answered.onlyTo === undefined) return send(request, response, answered);
  const unpin = await parts.pin(request.socket.remoteAddress ?? "", answered.onlyTo);
  try {
    await send(request, response, answered);
  } finally {
    await unpin();
  }
}

/** Answers a request. Never throws. */
export async function handleMetadata(
  request: IncomingMessage,
  response: ServerResponse,
  parts: MetadataParts,
): Promise<void> {
  try {
    await respond(request, response, parts);
  } catch (err) {
    parts.log.warn({ err, subnet: parts.place.subnetId }, "a guest could not be told about itself");
    if (!response.headersSent) await send(request, response, fail(503, "try again"));
  }
}
