// From a request of Node's to Connect's handlers and back, with an answer in JSON where Connect would answer with nothing.

import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { isNativeError } from "node:util/types";
import { Code, ConnectError, createContextValues } from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { codeToHttpStatus, errorToJson } from "@connectrpc/connect/protocol-connect";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import { Fault } from "../fault.ts";
import { type BatchHandler, batchPath } from "./batch.ts";
import { toConnectError } from "./errors.ts";
import { requestIdOf } from "./headers.ts";
import type { Log } from "./log.ts";
import { callKey, newCallState } from "./state.ts";
import { type UploadHandler, uploadsPath } from "./upload.ts";
import { isWebPath, type ServedTenantPages, serveTenantPage, serveWeb, type Web } from "./web.ts";

export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;
export type HttpHandler = (request: HttpRequest, response: HttpResponse) => void;
/** A page that is no RPC: health, metrics, keys. */
export type Page = () => Promise<{ readonly status: number; readonly type: string; readonly body: string }>;

export interface HttpParts {
  readonly handlers: ReadonlyMap<string, UniversalHandler>;
  readonly pages: ReadonlyMap<string, Page>;
  readonly log: Log;
  /** Left out: each call comes in a request of its own. */
  readonly batch?: BatchHandler;
  /** Left out: nothing can be uploaded. */
  readonly upload?: UploadHandler;
  /** Left out: there is nothing but methods, pages and uploads. */
  readonly web?: Web;
  readonly tenantPages?: ServedTenantPages;
}

/** The whole body of a request must have come by then. */
const bodyMs = 60_000;
/** Who both asks and is answered by streams (reflection) may do so for this long. */
const conversationMs = 600_000;

function send(response: HttpResponse, status: number, headers: Record<string, string>, body: string): void {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.end(body);
}

/** An error before any method is known, in the words of the Connect protocol (connectrpc.com/docs/protocol, "Error codes"). */
function sendError(response: HttpResponse, status: number, fault: Fault, requestId: string): void {
  const body = errorToJson(toConnectError(fault, requestId), undefined);
  send(response, status, { "content-type": "application/json", "x-request-id": requestId }, JSON.stringify(body));
}

/**
 * The answer comes before the body was read, for instance because it is too large. Some clients then stop sending and would use the
 * connection again, whose next bytes are still this body's: so it is the connection's last answer.
 */
function endAfter(request: HttpRequest, response: HttpResponse): void {
  response.setHeader("connection", "close");
  request.resume();
}

/** Whether a request's headers can't even be read as an address. */
function isBadHost(error: unknown): boolean {
  return isNativeError(error) && "code" in error && error.code === "ERR_INVALID_URL";
}

/** Whether it was the caller who went away: strangers must not be able to fill the log by that. */
function isHungUp(error: unknown): boolean {
  return error instanceof ConnectError && (error.code === Code.Aborted || error.code === Code.Canceled);
}

/** Ends a request whose body takes too long to come: over HTTP/2 its stream, over HTTP/1.1 its connection. */
function limitBody(request: HttpRequest, ms: number): void {
  if (request.complete) return;
  const giveUp = () => {
    if ("stream" in request) request.stream.close(constants.NGHTTP2_CANCEL);
    else request.socket.end("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n", () => request.destroy());
  };
  const timer = setTimeout(giveUp, ms);
  // A body that nobody reads to its end closes no request, but its line.
  const line = "stream" in request ? request.stream : request.socket;
  const done = () => {
    clearTimeout(timer);
    line.off("close", done);
  };
  request.once("end", done);
  line.once("close", done);
}

/** A gRPC answer that is headers alone ("Trailers-Only" in the gRPC protocol over HTTP/2). */
function sendGrpcUnimplemented(response: HttpResponse, type: string, message: string, requestId: string): void {
  const status = { "grpc-status": "12", "grpc-message": encodeURIComponent(message) };
  send(response, 200, { "content-type": type, ...status, "x-request-id": requestId }, "");
}

function unknownMethod(request: HttpRequest, response: HttpResponse, requestId: string): void {
  const path = (request.url ?? "").split("?", 1)[0] ?? "";
  const message = `there is no method or page ${path.slice(0, 200)}; methods are named as in /prismnet.v1.VpcService/CreateVpc`;
  const type = request.headers["content-type"] ?? "";
  if (!request.complete && request.httpVersionMajor === 1) endAfter(request, response);
  if (type.startsWith("application/grpc")) sendGrpcUnimplemented(response, type, message, requestId);
  else sendError(response, 404, new Fault("UNIMPLEMENTED", message), requestId);
}

const refusedStatus: Readonly<Record<number, string>> = {
  405: "a method is called with POST",
  415: "the header Content-Type must be application/json, application/proto, application/connect+json, application/connect+proto, application/grpc or application/grpc-web, to suit the method",
  505: "this method streams both ways, which needs HTTP/2",
};

/** Connect refused the request's form before any protocol was chosen, and has said nothing. */
function sayWhy(answer: UniversalServerResponse, response: HttpResponse, id: string): boolean {
  const why = answer.body === undefined ? refusedStatus[answer.status] : undefined;
  if (why === undefined) return false;
  sendError(response, answer.status, new Fault("MALFORMED_REQUEST", why), id);
  return true;
}

/** The status of what failed outside of any method, as the Connect protocol has it for the same code. */
function failEarly(error: unknown, request: HttpRequest, response: HttpResponse, id: string): void {
  if (response.destroyed) return;
  const fault = error instanceof Fault ? error : new Fault("INTERNAL", `internal error, request id ${id}`);
  if (!request.complete && request.httpVersionMajor === 1) response.setHeader("connection", "close");
  sendError(response, codeToHttpStatus(toConnectError(fault, id).code), fault, id);
  // What still comes is not read: the connection ends when the answer is out.
  if (!request.complete) response.once("finish", () => request.destroy());
}

export function createHttpHandler({ handlers, pages, log, batch, upload, web, tenantPages }: HttpParts) {
  let active = 0;
  let tellIdle: () => void = () => undefined;

  async function call(handler: UniversalHandler, request: HttpRequest, response: HttpResponse, id: string) {
    const state = newCallState(id, request.socket.remoteAddress ?? "");
    const values = createContextValues().set(callKey, state);
    const answer = await handler(universalRequestFromNodeRequest(request, response, undefined, values));
    if (!request.complete && request.httpVersionMajor === 1) endAfter(request, response);
    if (!sayWhy(answer, response, id)) await universalResponseToNodeResponse(answer, response);
  }

  async function receive(take: UploadHandler, request: HttpRequest, response: HttpResponse, id: string): Promise<void> {
    try {
      const body = JSON.stringify(await take(request, id));
      send(response, 200, { "content-type": "application/json", "x-request-id": id }, body);
    } catch (error) {
      const known = error instanceof Fault || request.destroyed;
      if (!known) log.error({ err: error, request_id: id }, "an upload failed");
      failEarly(error, request, response, id);
    }
  }

  async function other(
    answers: () => Promise<boolean>,
    request: HttpRequest,
    response: HttpResponse,
    id: string,
  ): Promise<void> {
    try {
      if (!(await answers())) unknownMethod(request, response, id);
    } catch (error) {
      const isNoNews = error instanceof Fault || response.destroyed;
      if (!isNoNews) log.error({ err: error, request_id: id }, "a page could not be answered");
      failEarly(error, request, response, id);
    }
  }

  async function page(show: Page, response: HttpResponse): Promise<void> {
    const { status, type, body } = await show();
    send(response, status, { "content-type": type }, body);
  }

  function fail(error: unknown, response: HttpResponse, id: string): void {
    if (response.writableEnded || response.destroyed || isHungUp(error)) return;
    const badHost = isBadHost(error) && !response.headersSent;
    if (!badHost) log.error({ err: error, request_id: id }, "an answer could not be written");
    if (response.headersSent) response.destroy();
    else if (badHost) sendError(response, 400, new Fault("MALFORMED_REQUEST", "the header Host names no host"), id);
    else sendError(response, 500, new Fault("INTERNAL", `internal error, request id ${id}`), id);
  }

  function run(work: Promise<void>, response: HttpResponse, id: string): void {
    work.catch((error: unknown) => fail(error, response, id));
  }

  /** Counts a call until its answer is written or its connection is gone. */
  function count(response: HttpResponse): void {
    active += 1;
    response.once("close", () => {
      active -= 1;
      if (active === 0) tellIdle();
    });
  }

  return {
    idle(): Promise<void> {
      if (active === 0) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      tellIdle = resolve;
      return promise;
    },
    handle(request: HttpRequest, response: HttpResponse): void {
      const url = request.url ?? "";
      const query = url.indexOf("?");
      const path = query === -1 ? url : url.slice(0, query);
      const id = requestIdOf(request.headers["x-request-id"]);
      const handler = handlers.get(path);
      const show = pages.get(path);
      if (handler !== undefined) {
        count(response);
        limitBody(request, handler.method.methodKind === "bidi_streaming" ? conversationMs : bodyMs);
        run(call(handler, request, response, id), response, id);
      } else if (batch !== undefined && path === batchPath && request.method === "POST") {
        count(response);
        limitBody(request, bodyMs);
        const answers = () => batch(request, response, id).then(() => true);
        run(other(answers, request, response, id), response, id);
      } else if (upload !== undefined && request.method === "PUT" && path.startsWith(uploadsPath)) {
        count(response);
        run(receive(upload, request, response, id), response, id);
      } else if (tenantPages !== undefined && path.startsWith(tenantPages.pages.prefix)) {
        count(response);
        limitBody(request, bodyMs);
        const answers = () => serveTenantPage(tenantPages, request, response, id).then(() => true);
        run(other(answers, request, response, id), response, id);
      } else if (web !== undefined && isWebPath(path)) {
        count(response);
        limitBody(request, bodyMs);
        run(
          other(() => serveWeb(web, request, response, id), request, response, id),
          response,
          id,
        );
      } else if (show !== undefined && (request.method === "GET" || request.method === "HEAD"))
        run(page(show, response), response, id);
      else {
        limitBody(request, bodyMs);
        unknownMethod(request, response, id);
      }
    },
  };
}
