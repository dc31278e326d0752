// Every reason that an error may give, in one table: its Connect code, and when to try again. Reasons are stable; messages are not.
import { Retry } from "./gen/photoncloud/api/v1/api_pb.ts";

/** The codes of the Connect protocol that we use. */
export type CodeName =
  | "invalid_argument"
  | "not_found"
  | "already_exists"
  | "failed_precondition"
  | "resource_exhausted"
  | "aborted"
  | "unauthenticated"
  | "permission_denied"
  | "unavailable"
  | "deadline_exceeded"
  | "unimplemented"
  | "internal"
  | "canceled";

export const reasons = {
  INVALID_FIELDS: { code: "invalid_argument", retry: Retry.NEVER },
  MALFORMED_REQUEST: { code: "invalid_argument", retry: Retry.NEVER },
  BAD_PAGE_TOKEN: { code: "invalid_argument", retry: Retry.NEVER },
  BAD_CURSOR: { code: "invalid_argument", retry: Retry.NEVER },
  BAD_FILTER: { code: "invalid_argument", retry: Retry.NEVER },
  IDEMPOTENCY_KEY_REUSED: { code: "invalid_argument", retry: Retry.NEVER },
  NOT_FOUND: { code: "not_found", retry: Retry.NEVER },
  ALREADY_EXISTS: { code: "already_exists", retry: Retry.NEVER },
  STILL_REFERENCED: { code: "failed_precondition", retry: Retry.LATER },
  BEING_DELETED: { code: "failed_precondition", retry: Retry.LATER },
  WRONG_STATE: { code: "failed_precondition", retry: Retry.LATER },
  PROTECTED: { code: "failed_precondition", retry: Retry.NEVER },
  DATA_LOSS: { code: "failed_precondition", retry: Retry.NEVER },
  BUILT_IN: { code: "failed_precondition", retry: Retry.NEVER },
  NO_HOST: { code: "resource_exhausted", retry: Retry.LATER },
  QUOTA_EXCEEDED: { code: "resource_exhausted", retry: Retry.LATER },
  OUT_OF_ADDRESSES: { code: "resource_exhausted", retry: Retry.LATER },
  REQUEST_TOO_LARGE: { code: "resource_exhausted", retry: Retry.NEVER },
  TOO_MANY_REQUESTS: { code: "resource_exhausted", retry: Retry.LATER },
  STALE_ETAG: { code: "aborted", retry: Retry.AFTER_READ },
  CONTENDED: { code: "aborted", retry: Retry.LATER },
  UNAUTHENTICATED: { code: "unauthenticated", retry: Retry.AFTER_LOGIN },
  BAD_CREDENTIALS: { code: "unauthenticated", retry: Retry.NEVER },
  SECOND_FACTOR_REQUIRED: { code: "unauthenticated", retry: Retry.NEVER },
  FRESH_FACTOR_REQUIRED: { code: "failed_precondition", retry: Retry.NEVER },
  PERMISSION_DENIED: { code: "permission_denied", retry: Retry.NEVER },
  SHUTTING_DOWN: { code: "unavailable", retry: Retry.LATER },
  BACKEND_UNAVAILABLE: { code: "unavailable", retry: Retry.LATER },
  STORE_UNAVAILABLE: { code: "unavailable", retry: Retry.LATER },
  DEADLINE_EXCEEDED: { code: "deadline_exceeded", retry: Retry.LATER },
  UNIMPLEMENTED: { code: "unimplemented", retry: Retry.NEVER },
  INTERNAL: { code: "internal", retry: Retry.LATER },
} as const satisfies Record<string, { readonly code: CodeName; readonly retry: Retry }>;

export type Reason = keyof typeof reasons;
