// The one error of the server's inside: a reason from the table, a message for the caller, and what they need to mend it.
import type { FieldViolation, Reason } from "@photoncloud/proto";

export interface FaultDetails {
  readonly violations?: readonly FieldViolation[];
  /** What stands in the way, as resource paths. */
  readonly resources?: readonly string[];
  /** The permission that is missing. */
  readonly permission?: string;
  /** What refused it, in a word, for the log; never sent. */
  readonly decidedBy?: string;
  /** When the same call may succeed: the header Retry-After. Milliseconds. */
  readonly retryAfterMs?: number;
  /** Kept for the log, never sent. */
  readonly cause?: unknown;
}

/** Something that the caller should be told. Anything else that is thrown becomes INTERNAL: a request id and nothing more. */
export class Fault extends Error {
  override readonly name = "Fault";
  readonly reason: Reason;
  readonly details: FaultDetails;
  constructor(reason: Reason, message: string, details: FaultDetails = {}) {
    super(message, { cause: details.cause });
    this.reason = reason;
    this.details = details;
  }
}

/** One field is wrong: INVALID_FIELDS with one violation. */
export function invalidField(path: string, rule: string, message: string): Fault {
  return new Fault("INVALID_FIELDS", `${path}: ${message}`, { violations: [{ path, rule, message }] });
}
