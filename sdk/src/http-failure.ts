// Reads what a failed request throws; nothing of its request (which has the token and the body) gets into the error.
import { PhotonError } from "./errors.ts";
import { type HttpError, isHttpError } from "./http-port.ts";
import { type Failure, parseRetryAfter } from "./retry.ts";
import { errorFromStatus, errorFromWire, isWireError } from "./wire-error.ts";

/** Codes of Node's network errors that say: nothing was sent. */
const neverArrived: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
]);

export interface FailureContext {
  readonly method: string;
  readonly endpoint: string;
  readonly now: number;
}

function header(error: HttpError, name: string): string {
  const value: unknown = error.response?.headers[name];
  return typeof value === "string" ? value : "";
}

/** A server with TLS ends a connection that does not begin with it. */
const hangsUp = (code: string, endpoint: string): boolean => code === "ECONNRESET" && endpoint.startsWith("http:");

/** The address behind an AggregateError of Node's (one error per address tried) is its code; axios keeps it. */
function unreachable(error: HttpError, { method, endpoint }: FailureContext): PhotonError {
  const code = error.code ?? "network error";
  const message = `can't reach ${endpoint} (${code}): is the server running, and the endpoint right?${hangsUp(code, endpoint) ? " One with TLS answers to https:// alone." : ""}`;
  const cause = new Error(error.message === "" ? code : error.message);
  return new PhotonError("unavailable", message, { method, retry: "later", cause });
}

function isTlsError(error: HttpError): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/.test(error.code ?? "");
}

/** What OpenSSL makes of an answer that is not TLS at all. */
const isPlain = (error: HttpError): boolean => /EPROTO|WRONG_VERSION_NUMBER/.test(error.code ?? "");

function plain(error: HttpError, { method, endpoint }: FailureContext): PhotonError {
  const message = `${endpoint} answers without TLS: give its address with http:// instead`;
  return new PhotonError("unknown", message, { method, cause: new Error(error.message) });
}

function untrusted(error: HttpError, { method, endpoint }: FailureContext): PhotonError {
  const message = `${endpoint} is not trusted (${error.code}): give its authority's certificate with \`ca\` or PHOTON_CA_FILE`;
  return new PhotonError("unknown", message, { method, cause: new Error(error.message) });
}

/**
 * What a failed request means.
 *
 * @param body The answer's body where axios did not read it (a stream's).
 */
export function failureOf(thrown: unknown, context: FailureContext, body?: unknown): Failure {
  if (!isHttpError(thrown)) {
    const message = `${context.method} failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
    return { error: new PhotonError("unknown", message, { method: context.method, cause: thrown }), arrived: true };
  }
  if (thrown.response === undefined) {
    const tell = isPlain(thrown) ? plain : isTlsError(thrown) ? untrusted : unreachable;
    const error = tell(thrown, context);
    return { error, arrived: !neverArrived.has(thrown.code ?? "") };
  }
  const wire = body ?? thrown.response.data;
  const error = isWireError(wire)
    ? errorFromWire(wire, context.method, header(thrown, "x-request-id"))
    : errorFromStatus(thrown.response.status, context.endpoint, context.method);
  return { error, arrived: true, retryAfterMs: parseRetryAfter(header(thrown, "retry-after"), context.now) };
}
