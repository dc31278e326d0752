// How a WebSocket is refused: the HTTP answer to the request that would have become one, in the words of the Connect protocol.
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { Code } from "@connectrpc/connect";
import { errorToJson } from "@connectrpc/connect/protocol-connect";
import { toConnectError } from "./errors.ts";
import type { Log } from "./log.ts";

/** HTTP's status for a code, as the Connect protocol has it. */
const statuses: Partial<Record<Code, number>> = {
  [Code.NotFound]: 404,
  [Code.Unauthenticated]: 401,
  [Code.PermissionDenied]: 403,
  [Code.FailedPrecondition]: 400,
  [Code.ResourceExhausted]: 429,
  [Code.Unavailable]: 503,
};

export function refuseUpgrade(socket: Duplex, error: unknown, requestId: string, log: Log): void {
  const outside = toConnectError(error, requestId);
  const status = statuses[outside.code] ?? 500;
  if (status === 500) log.error({ err: error, request_id: requestId }, "a console could not be opened");
  const body = JSON.stringify(errorToJson(outside, undefined));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Connection: close",
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
