// What the body of POST /batch says: {"calls": [{"path", "headers", "body"}]}.
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Fault } from "../fault.ts";
import { consentHeader } from "../services/resources/classes.ts";

/** Calls in one request: fewer than one connection of HTTP/2 may have open at a time. */
export const mostCalls = 100;

/** What a call may say for itself. Who asks is said once, by the request's own token. */
const ownHeaders: ReadonlySet<string> = new Set([
  "connect-protocol-version",
  "connect-timeout-ms",
  "idempotency-key",
  consentHeader,
  "photon-wait",
  "photon-wait-ms",
  "x-request-id",
]);

/** What a header can carry. */
const printable = /^[\x20-\x7e]*$/;

/** One call of a batch. */
export interface Asked {
  /** "/prismnet.v1.VpcService/CreateVpc" */
  readonly path: string;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonObject;
}

/** @throws Fault MALFORMED_REQUEST */
export function readBatch(text: string): readonly Asked[] {
  const batch = parsed(text);
  const calls = isObject(batch) ? batch.calls : undefined;
  if (!Array.isArray(calls)) throw malformed('the body must be {"calls": [{"path", "headers", "body"}]}');
  if (calls.length > mostCalls) throw malformed(`there are ${calls.length} calls; at most ${mostCalls} are allowed`);
  return calls.map(readCall);
}

function readCall(call: JsonValue, index: number): Asked {
  const { path, headers = {}, body } = isObject(call) ? call : {};
  if (typeof path !== "string" || !isObject(headers) || !isObject(body))
    throw malformed(`calls[${index}] must have a path, headers (which may be left out) and a body that is an object`);
  return { path, headers: readHeaders(headers, index), body };
}

function readHeaders(headers: JsonObject, index: number): Asked["headers"] {
  const entries = Object.entries(headers).map(([name, value]): [string, string] => {
    const lower = name.toLowerCase();
    if (ownHeaders.has(lower) && typeof value === "string" && printable.test(value)) return [lower, value];
    const allowed = [...ownHeaders].join(", ");
    throw malformed(
      `calls[${index}].headers may have ${allowed}, in printable ASCII; "${lower.slice(0, 100)}" has no such value`,
    );
  });
  return Object.fromEntries(entries);
}

function parsed(text: string): JsonValue {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed(`the body is no JSON: ${error instanceof Error ? error.message : error}`);
  }
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const malformed = (message: string): Fault => new Fault("MALFORMED_REQUEST", message);
