// Errors across the channel: a driver's refusal arrives as the refusal that it was; what is wrong with the channel is "unavailable".
import { Code, ConnectError } from "@connectrpc/connect";
import { DriverError, type DriverReason } from "../../driver-error.ts";
import { reasonHeader, statusHeader } from "./names.ts";

const codes: Readonly<Record<DriverReason, Code>> = {
  missing: Code.NotFound,
  in_use: Code.FailedPrecondition,
  refused: Code.InvalidArgument,
  unavailable: Code.Unavailable,
};

/** What an agent sends. What is no refusal stays on the host, whose log has it. */
export function toWire(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  if (error instanceof DriverError)
    return new ConnectError(error.message, codes[error.reason], {
      [reasonHeader]: error.reason,
      ...(error.status !== undefined && { [statusHeader]: error.status }),
    });
  return new ConnectError("the agent failed; its log says why", Code.Internal, undefined, undefined, error);
}

function reasonOf(error: ConnectError): DriverReason | undefined {
  const text = error.metadata.get(reasonHeader);
  return text === "missing" || text === "in_use" || text === "refused" || text === "unavailable" ? text : undefined;
}

/** What a server makes of what it gets. */
export function fromWire(hostId: string, error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  const failure = ConnectError.from(error);
  const reason = reasonOf(failure);
  const status = failure.metadata.get(statusHeader);
  if (reason !== undefined) return new DriverError(reason, failure.rawMessage, status === null ? {} : { status });
  if (failure.code === Code.Internal || failure.code === Code.Unknown)
    return new Error(`host ${hostId}: ${failure.rawMessage}`, { cause: error });
  return unreachable(hostId, error);
}

/** Why is for the operator's log and the host's own `state_reason`: it may name addresses, which are no tenant's to know. */
export function unreachable(hostId: string, cause: unknown): DriverError {
  return new DriverError("unavailable", `host ${hostId} can't be reached`, { cause });
}
