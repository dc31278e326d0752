// Decides whether and when a failed call is tried again.
import type { PhotonError } from "./errors.ts";

/** The first wait is drawn from 0 to this; each further one from twice the range. Long enough for a restart's blink. */
const firstRangeMs = 100;
/** No single wait is drawn from more than this, so that a caller hears of recovery within seconds. */
const widestRangeMs = 5_000;

/** One failed attempt. */
export interface Failure {
  readonly error: PhotonError;
  /** From the Retry-After header. */
  readonly retryAfterMs?: number | undefined;
  /** Whether the cloud may have seen the call. */
  readonly arrived: boolean;
}

/** Reasons that pass by themselves; what other reasons say is true until somebody does something. */
const passing: ReadonlySet<string> = new Set(["CONTENDED", "SHUTTING_DOWN", "STORE_UNAVAILABLE", "TOO_MANY_REQUESTS"]);

/** Whether the same call may succeed in a moment. */
export function isPassing(error: PhotonError): boolean {
  return error.code === "unavailable" || passing.has(error.reason);
}

/** Full jitter: anywhere from 0 to a range that doubles (AWS Architecture Blog, "Exponential Backoff And Jitter"). */
export function backoffMs(attempt: number, random: () => number): number {
  return random() * Math.min(widestRangeMs, firstRangeMs * 2 ** (attempt - 1));
}

/**
 * How long to wait before the next attempt, or undefined: give up.
 *
 * @param attempt How many attempts there were, at least 1.
 * @param repeatable Whether doing it twice is the same as doing it once.
 */
export function retryDelayMs(
  failure: Failure,
  attempt: number,
  limits: { readonly retries: number; readonly repeatable: boolean; readonly random: () => number },
): number | undefined {
  if (attempt > limits.retries || !isPassing(failure.error)) return undefined;
  if (!limits.repeatable && failure.arrived) return undefined;
  return Math.max(failure.retryAfterMs ?? 0, backoffMs(attempt, limits.random));
}

/** Reads a Retry-After header: seconds or an HTTP date (RFC 9110, section 10.2.3). */
export function parseRetryAfter(header: unknown, now: number): number | undefined {
  if (typeof header !== "string" || header === "") return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
