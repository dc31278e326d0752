// The one error that the SDK throws.

/** The codes of the Connect protocol (connectrpc.com/docs/protocol, "Error codes"). */
export const errorCodes = [
  "canceled",
  "unknown",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
  "unauthenticated",
] as const;
export type ErrorCode = (typeof errorCodes)[number];

/** When to try again. "": the cloud did not say. */
export type RetryAdvice = "" | "never" | "later" | "after_read" | "after_login";

/** What is wrong with one field. */
export interface FieldProblem {
  /** The field's path as in the proto: `rules["web"].remote_cidr`, `spec.network[0].port_id`. */
  readonly path: string;
  /** The rule's stable name: "required", "format", "range", "immutable", "unknown_reference". */
  readonly rule: string;
  /** What was given, what is allowed and how to mend it. */
  readonly message: string;
}

export interface PhotonErrorDetails {
  /** A stable reason: "STALE_ETAG". "" where the error did not come from the cloud. */
  readonly reason?: string;
  readonly retry?: RetryAdvice;
  /** What to tell the operator. "" where no answer came. */
  readonly requestId?: string;
  readonly violations?: readonly FieldProblem[];
  /** What stands in the way, as resource paths: org/{org}/project/{project}/{type}/{id}. */
  readonly resources?: readonly string[];
  /** The permission that is missing. */
  readonly permission?: string;
  /** The method that was called: "prismnet.v1.VpcService/CreateVpc". */
  readonly method?: string;
  readonly cause?: unknown;
}

/**
 * A call that failed. `code` says how, `reason` exactly why, `violations` which fields; no secret is ever part of it.
 *
 * @example
 * try {
 *   await cloud.vpcs.create({ name: "main", cidr: "10.0.0.0/33" });
 * } catch (error) {
 *   if (error instanceof PhotonError && error.code === "invalid_argument") console.error(error.violations);
 *   else throw error;
 * }
 */
export class PhotonError extends Error {
  override readonly name = "PhotonError";
  readonly code: ErrorCode;
  readonly reason: string;
  readonly retry: RetryAdvice;
  readonly requestId: string;
  readonly violations: readonly FieldProblem[];
  readonly resources: readonly string[];
  readonly permission: string;
  readonly method: string;

  constructor(code: ErrorCode, message: string, details: PhotonErrorDetails = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.code = code;
    this.reason = details.reason ?? "";
    this.retry = details.retry ?? "";
    this.requestId = details.requestId ?? "";
    this.violations = details.violations ?? [];
    this.resources = details.resources ?? [];
    this.permission = details.permission ?? "";
    this.method = details.method ?? "";
  }
}

/** Whether something thrown is a PhotonError with this code (and reason). */
export function isPhotonError(error: unknown, code?: ErrorCode, reason?: string): error is PhotonError {
  return (
    error instanceof PhotonError &&
    (code === undefined || error.code === code) &&
    (reason === undefined || error.reason === reason)
  );
}

/** One field of what was given is wrong, found before anything was sent. */
export function invalidInput(path: string, rule: string, message: string): PhotonError {
  const violations = [{ path, rule, message }];
  return new PhotonError("invalid_argument", `${path}: ${message}`, {
    reason: "INVALID_FIELDS",
    retry: "never",
    violations,
  });
}
