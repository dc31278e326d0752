// The service's HTTP face: GET, POST /environments; GET, DELETE /environments/{name}.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { isPhotonError } from "@photoncloud/sdk";
import type { EnvironmentRequest, Environments } from "./environments.ts";

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

/** What our own callers are told of the cloud's errors. */
const statusOf: Readonly<Record<string, number>> = {
  invalid_argument: 400,
  not_found: 404,
  already_exists: 409,
  failed_precondition: 409,
  resource_exhausted: 507,
  unavailable: 503,
  deadline_exceeded: 504,
};

async function readRequest(request: IncomingMessage): Promise<EnvironmentRequest | undefined> {
  try {
    const body: unknown = JSON.parse(await text(request));
    if (typeof body !== "object" || body === null || !("name" in body) || typeof body.name !== "string")
      return undefined;
    return "cpu" in body && typeof body.cpu === "number" ? { name: body.name, cpu: body.cpu } : { name: body.name };
  } catch {
    return undefined;
  }
}

async function answer(environments: Environments, request: IncomingMessage): Promise<Answer> {
  const [, root, name] = (request.url ?? "").split("/");
  if (root !== "environments") return { status: 404 };
  if (name === undefined && request.method === "GET") return { status: 200, body: await environments.list() };
  if (name === undefined && request.method === "POST") {
    const wanted = await readRequest(request);
    if (wanted === undefined) return { status: 400, body: { error: 'JSON with a "name" is wanted' } };
    return { status: 201, body: await environments.create(wanted) };
  }
  if (name !== undefined && request.method === "GET") {
    const found = await environments.get(name);
    return found === undefined ? { status: 404 } : { status: 200, body: found };
  }
  if (name === undefined || request.method !== "DELETE") return { status: 405 };
  await environments.delete(name);
  return { status: 204 };
}

function failure(error: unknown): Answer {
  if (!isPhotonError(error)) return { status: 500, body: { error: "internal" } };
  const { code, message, requestId, violations } = error;
  return { status: statusOf[code] ?? 500, body: { error: message, violations, requestId } };
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(body === undefined ? "" : JSON.stringify(body));
}

/** A server that is not listening yet. */
export function createService(environments: Environments): Server {
  return createServer((request, response) => {
    answer(environments, request).then(
      (done) => send(response, done),
      (error: unknown) => send(response, failure(error)),
    );
  });
}
