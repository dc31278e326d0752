// POST /batch: many calls in one request. Each is a call like any other, with a permission, a key, a request id and an answer of its own; the answers
// come one to a line, each when it is ready. It spares whoever makes many calls at a time the way of each through HTTP.
import type { Readable, Writable } from "node:stream";
import { createContextValues } from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { errorToJson } from "@connectrpc/connect/protocol-connect";
import { Fault } from "../fault.ts";
import { type Asked, readBatch } from "./batch-request.ts";
import { toConnectError } from "./errors.ts";
import { bearerOf, requestIdOf } from "./headers.ts";
import type { HttpRequest, HttpResponse } from "./http.ts";
import { maxBodyBytes } from "./parts.ts";
import { callKey, newCallState } from "./state.ts";
import type { Strangers } from "./strangers.ts";
import type { RememberingAuthenticator } from "./tokens.ts";
import { goneSignal } from "./web.ts";

export const batchPath = "/batch";

export interface BatchParts {
  /** By path. */
  readonly handlers: ReadonlyMap<string, UniversalHandler>;
  readonly tokens: RememberingAuthenticator;
  readonly strangers: Strangers;
}

/** Answers all the calls of a request. @throws Fault where it can't be read, before anything was called or answered. */
export type BatchHandler = (request: HttpRequest, response: HttpResponse, requestId: string) => Promise<void>;

/** What the calls of one batch have in common. */
interface Common {
  readonly authorization: string;
  readonly sourceIp: string;
  readonly signal: AbortSignal;
}

export function createBatchHandler(parts: BatchParts): BatchHandler {
  return async (request, response, requestId) => {
    const sourceIp = request.socket.remoteAddress ?? "";
    const authorization = request.headers.authorization ?? "";
    try {
      await identify(parts, bearerOf(authorization), { sourceIp, requestId, method: batchPath });
    } catch (error) {
      await received(request, 0).catch(() => undefined);
      throw error;
    }
    const asked = readBatch(await received(request, maxBodyBytes));
    const common = { authorization, sourceIp, signal: goneSignal(response) };
    response.statusCode = 200;
    response.setHeader("content-type", "application/x-ndjson");
    response.setHeader("x-request-id", requestId);
    const tell = gathered(response);
    await Promise.all(
      asked.map(async (one, index) => tell(`{"index":${index},${await answer(parts, one, common)}}\n`)),
    );
    // What was told last leaves before.
    setImmediate(() => response.end());
  };
}

/** A whole body. What is too much is thrown away as it comes: a connection that is cut would take the answer with it. @throws Fault REQUEST_TOO_LARGE */
function received(request: Readable, most: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= most) chunks.push(chunk);
    });
    request.once("end", () => {
      if (size <= most) resolve(Buffer.concat(chunks).toString("utf8"));
      else reject(new Fault("REQUEST_TOO_LARGE", `the body has more than ${most} bytes`));
    });
    request.once("close", () => {
      if (!request.readableEnded) reject(new Fault("MALFORMED_REQUEST", "the body broke off"));
    });
  });
}

/** Nobody who can't be told has a large body kept. Each call looks for itself whose token it is. @throws Fault UNAUTHENTICATED */
async function identify(
  { tokens, strangers }: BatchParts,
  token: string,
  by: Parameters<Strangers["noteToken"]>[2],
): Promise<void> {
  if (token === "") throw new Fault("UNAUTHENTICATED", "a batch needs a token: send Authorization: Bearer …");
  try {
    await tokens.authenticate(token);
  } catch (error) {
    await strangers.noteToken(error, token, by);
    throw error;
  }
}

/** Writes the answers of one turn together. */
function gathered(response: Writable): (line: string) => void {
  let lines = "";
  const write = () => {
    if (!response.destroyed) response.write(lines);
    lines = "";
  };
  return (line) => {
    if (lines === "") setImmediate(write);
    lines += line;
  };
}

/** The rest of a line: "status", "headers" and "body", as the call would have been answered alone. */
async function answer({ handlers }: BatchParts, { path, headers, body }: Asked, common: Common): Promise<string> {
  const id = requestIdOf(headers["x-request-id"]);
  const handler = handlers.get(path);
  if (handler?.method.methodKind !== "unary") return refused(path, id);
  const { authorization, sourceIp, signal } = common;
  const answered = await handler({
    httpVersion: "1.1",
    method: "POST",
    url: `http://cloud.invalid${path}`,
    body,
    signal,
    header: new Headers({ ...headers, authorization, "content-type": "application/json" }),
    contextValues: createContextValues().set(callKey, newCallState(id, sourceIp)),
  });
  return shown(answered);
}

function refused(path: string, id: string): string {
  const fault = new Fault("UNIMPLEMENTED", `there is no method ${path.slice(0, 200)} that a batch can call`);
  const body = JSON.stringify(errorToJson(toConnectError(fault, id), undefined));
  return `"status":404,"headers":{"x-request-id":${JSON.stringify(id)}},"body":${body}`;
}

/** What the request's own answer says once. */
const saidOnce: ReadonlySet<string> = new Set(["content-type", "content-length"]);

async function shown({ status, header, body }: UniversalServerResponse): Promise<string> {
  const headers = Object.fromEntries([...(header ?? [])].filter(([name]) => !saidOnce.has(name)));
  return `"status":${status},"headers":${JSON.stringify(headers)},"body":${await textOf(body)}`;
}

/** What Connect writes is JSON. */
async function textOf(body: UniversalServerResponse["body"]): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8") || "{}";
}
