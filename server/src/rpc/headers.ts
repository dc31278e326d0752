// What callers say in headers: who they are, how long they wait, which call this is.
import { randomUUID } from "node:crypto";
import { Fault } from "../fault.ts";

/** The largest photon-wait-ms: 10 minutes, the engine's usual deadline. The services may hold back for less. */
export const longestWaitMs = 600_000;
const longestKey = 255;
const saneRequestId = /^[A-Za-z0-9._-]{1,64}$/;

/** The caller's own request id if it is one that a log can carry, or a new one. */
export function requestIdOf(header: string | string[] | undefined): string {
  return typeof header === "string" && saneRequestId.test(header) ? header : randomUUID();
}

/** The bearer token (RFC 6750 section 2.1), or "" for none. */
export function bearerOf(header: string | null): string {
  if (header === null) return "";
  return header.slice(0, 7).toLowerCase() === "bearer " ? header.slice(7).trim() : "";
}

/** @throws Fault MALFORMED_REQUEST if the key is longer than 255 characters. */
export function idempotencyKeyOf(header: string | null): string {
  if (header === null) return "";
  if (header.length <= longestKey) return header;
  throw new Fault(
    "MALFORMED_REQUEST",
    `the header Idempotency-Key has ${header.length} characters; at most ${longestKey} are allowed`,
  );
}

/** @throws Fault MALFORMED_REQUEST if it is not a whole number of milliseconds within the limit. */
export function waitMsOf(header: string | null): number {
  if (header === null) return 0;
  const ms = /^\d{1,7}$/.test(header) ? Number(header) : Number.NaN;
  if (ms <= longestWaitMs) return ms;
  throw new Fault(
    "MALFORMED_REQUEST",
    `the header photon-wait-ms must be a whole number of milliseconds from 0 to ${longestWaitMs}`,
  );
}
