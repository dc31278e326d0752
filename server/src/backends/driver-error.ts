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
  /** The stable word that a status gives as its reason ("WrongDigest"), where it can say more than `reason` does. */
  readonly status: string | undefined;
  constructor(reason: DriverReason, message: string, options: ErrorOptions & { readonly status?: string } = {}) {
    super(message, options);
    this.reason = reason;
    this.status = options.status;
  }
}
