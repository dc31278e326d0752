// How a driver says that it could not do what it was told. Whatever else it throws is a defect or a fault of the machine.

/**
 * "missing": it needs something that is not there (a port its switch); try again when it is.
 * "in_use": something else stands on it.
 * "refused": the backend can't do this at all, however often it is asked (a disk that should shrink).
 * "unavailable": the backend does not answer.
 */
export type DriverReason = "missing" | "in_use" | "refused" | "unavailable";

/** A refusal of a backend; its message names our resources by id and is fit for the tenant that owns them. */
export class DriverError extends Error {
  override readonly name = "DriverError";
  readonly reason: DriverReason;
  constructor(reason: DriverReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** The stable words that a status gives as its reason. */
const statusReasons: Readonly<Record<DriverReason, string>> = {
  missing: "BackendNotReady",
  in_use: "BackendInUse",
  refused: "BackendRefused",
  unavailable: "BackendUnavailable",
};

/** A driver's refusal as a status says it; undefined for anything else, which is not for tenants. The engine's option `explain`. */
export function explainDriverError(error: unknown): { readonly reason: string; readonly message: string } | undefined {
  if (!(error instanceof DriverError)) return undefined;
  return { reason: statusReasons[error.reason], message: error.message };
}
