// What callers say in headers: who they are, how long they wait, which call this is.
import { randomUUID } from "node:crypto";
import { Fault } from "../fault.ts";
import { type Receipt, receipts } from "../services/receipt.ts";
import { consentHeader } from "../services/resources/classes.ts";

/** The largest photon-wait-ms: 10 minutes, the engine's usual deadline. The services may hold back for less. */
export const longestWaitMs = 600_000;
/** How long an answer is held back where the caller says until when, but not how long: as long as the services do. */
const usualWaitMs = 30_000;
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

/** Whether the caller means a change that loses data: photon-allow-data-loss. @throws Fault MALFORMED_REQUEST */
export function dataLossOf(header: string | null): boolean {
  if (header === null || header === "false") return false;
  if (header === "true") return true;
  throw new Fault("MALFORMED_REQUEST", `the header ${consentHeader} must be true or false`);
}

/** Until when an answer is held back, and for how long: photon-wait and photon-wait-ms. @throws Fault MALFORMED_REQUEST */
export function waitOf(headers: Headers): { readonly wait: Receipt; readonly waitMs: number } {
  const [level, ms] = [headers.get("photon-wait"), headers.get("photon-wait-ms")];
  const wait = level === null ? "settled" : receiptOf(level);
  const limit = waitMsOf(ms, level === null ? 0 : usualWaitMs);
  return { wait, waitMs: wait === "accepted" ? 0 : limit };
}

function receiptOf(header: string): Receipt {
  const receipt = receipts.find((one) => one === header);
  if (receipt !== undefined) return receipt;
  throw new Fault("MALFORMED_REQUEST", `the header photon-wait must be one of ${receipts.join(", ")}`);
}

function waitMsOf(header: string | null, otherwise: number): number {
  if (header === null) return otherwise;
  const ms = /^\d{1,7}$/.test(header) ? Number(header) : Number.NaN;
  if (ms <= longestWaitMs) return ms;
  throw new Fault(
    "MALFORMED_REQUEST",
    `the header photon-wait-ms must be a whole number of milliseconds from 0 to ${longestWaitMs}`,
  );
}
