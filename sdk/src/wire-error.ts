// Reads errors as the Connect protocol sends them: {"code", "message", "details": [{"type", "value"}]}.
import { base64Decode } from "@bufbuild/protobuf/wire";
import { type ErrorInfo, readErrorInfo } from "./error-info.ts";
import { type ErrorCode, errorCodes, PhotonError, type RetryAdvice } from "./errors.ts";
import { isObject } from "./values.ts";

/** By the numbers of photoncloud.api.v1.Retry. */
const retryAdvice: readonly RetryAdvice[] = ["", "never", "later", "after_read", "after_login"];
const infoType = "photoncloud.api.v1.ErrorInfo";

/** Codes for answers that carry no Connect error, by HTTP status (connectrpc.com/docs/protocol, "HTTP to Error Code"). */
const codeOfStatus: Readonly<Record<number, ErrorCode>> = {
  400: "internal",
  401: "unauthenticated",
  403: "permission_denied",
  404: "unimplemented",
  429: "unavailable",
  502: "unavailable",
  503: "unavailable",
  504: "unavailable",
};

function infoFrom(details: unknown): ErrorInfo | undefined {
  for (const detail of Array.isArray(details) ? details : [])
    if (isObject(detail) && detail.type === infoType && typeof detail.value === "string")
      return readErrorInfo(base64Decode(detail.value));
  return undefined;
}

/** Whether a JSON value is an error of the Connect protocol. */
export function isWireError(value: unknown): value is { code: ErrorCode; message?: unknown; details?: unknown } {
  return isObject(value) && errorCodes.some((code) => code === value.code);
}

/** The error that the cloud sent. `requestId` is the one of the answer's header. */
export function errorFromWire(wire: unknown, method: string, requestId: string): PhotonError {
  if (!isWireError(wire))
    return new PhotonError("unknown", `${method} failed without saying why`, { method, requestId });
  const info = infoFrom(wire.details);
  const message = typeof wire.message === "string" && wire.message !== "" ? wire.message : wire.code;
  return new PhotonError(wire.code, message, {
    method,
    reason: info?.reason ?? "",
    retry: retryAdvice[info?.retry ?? 0] ?? "",
    requestId: info?.requestId || requestId,
    violations: info?.violations ?? [],
    resources: info?.resources ?? [],
    permission: info?.permission ?? "",
  });
}

/** The error of an answer that is no Connect answer: a proxy's, or another program's. */
export function errorFromStatus(status: number, endpoint: string, method: string): PhotonError {
  const hint = status === 404 ? ": is that address a PhotonCloud server?" : "";
  const message = `${endpoint} answered HTTP ${status} to ${method}, and no Connect error with it${hint}`;
  return new PhotonError(codeOfStatus[status] ?? "unknown", message, { method });
}
