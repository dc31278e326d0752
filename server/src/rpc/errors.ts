// Faults in, Connect errors out: the one place where an error gets its code, its detail and the words that a caller sees.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type CodeName, type Reason, reasons } from "@photoncloud/proto";
import { ErrorInfoSchema } from "@photoncloud/proto/gen/photoncloud/api/v1/api_pb";
import { Fault } from "../fault.ts";
import { brief } from "./brevity.ts";

const codes: Readonly<Record<CodeName, Code>> = {
  invalid_argument: Code.InvalidArgument,
  not_found: Code.NotFound,
  already_exists: Code.AlreadyExists,
  failed_precondition: Code.FailedPrecondition,
  resource_exhausted: Code.ResourceExhausted,
  aborted: Code.Aborted,
  unauthenticated: Code.Unauthenticated,
  permission_denied: Code.PermissionDenied,
  unavailable: Code.Unavailable,
  deadline_exceeded: Code.DeadlineExceeded,
  unimplemented: Code.Unimplemented,
  internal: Code.Internal,
  canceled: Code.Canceled,
};

type Info = MessageInitShape<typeof ErrorInfoSchema>;

function infoOf(reason: Reason, requestId: string, more: Info = {}): { desc: typeof ErrorInfoSchema; value: Info } {
  return { desc: ErrorInfoSchema, value: { ...more, reason, retry: reasons[reason].retry, requestId } };
}

function fromFault(fault: Fault, requestId: string): ConnectError {
  const { message, ...more } = brief(fault.message, fault.details);
  const info = infoOf(fault.reason, requestId, more);
  const { retryAfterMs } = fault.details;
  // Whole seconds (RFC 9110, section 10.2.3).
  const headers = retryAfterMs === undefined ? undefined : { "retry-after": String(Math.ceil(retryAfterMs / 1_000)) };
  return new ConnectError(message, codes[reasons[fault.reason].code], headers, [info], fault);
}

/** What a service threw, as the caller gets it. What is neither a Fault nor Connect's own stays inside: the caller gets the request id. */
export function toConnectError(error: unknown, requestId: string): ConnectError {
  if (error instanceof Fault) return fromFault(error, requestId);
  if (error instanceof ConnectError) return error;
  const internal = new Fault("INTERNAL", `internal error, request id ${requestId}`, { cause: error });
  return fromFault(internal, requestId);
}

/** Our words for an error that Connect itself raises before or around a call: a malformed body, a body too large, a deadline. */
function ownWords(error: ConnectError, maxBytes: number): Fault | undefined {
  const text = error.rawMessage;
  if (error.code === Code.ResourceExhausted)
    return new Fault(
      "REQUEST_TOO_LARGE",
      `the request is larger than ${maxBytes} bytes, which is the most that is taken`,
    );
  if (error.code === Code.InvalidArgument) return new Fault("MALFORMED_REQUEST", malformed(text));
  if (error.code === Code.Internal && text.startsWith("received compressed"))
    return new Fault("MALFORMED_REQUEST", "a message is flagged as compressed, and no header says how");
  if (error.code === Code.Internal && text === "decompression failed")
    return new Fault("MALFORMED_REQUEST", "the body can't be decompressed in the way that its headers say");
  if (error.code === Code.Internal && text.startsWith("parse binary"))
    return new Fault("MALFORMED_REQUEST", `the body is not a valid message of this method (${text})`);
  if (error.code === Code.DeadlineExceeded)
    return new Fault("DEADLINE_EXCEEDED", "the deadline that the caller set passed before the answer was ready");
  if (error.code === Code.Unimplemented) return new Fault("UNIMPLEMENTED", text);
  return undefined;
}

/** The JSON reader's words, said so that one can act on them. */
function malformed(text: string): string {
  const unknown = /^cannot decode message (\S+) from JSON: key "(.*)" is unknown$/.exec(text);
  if (unknown !== null) return `the body has a field "${unknown[2]}", which ${unknown[1]} does not have`;
  const field = /^cannot decode field (\S+)\.(\w+) from JSON: (.*)$/.exec(text);
  if (field !== null) return `the body's field ${field[2]} (of ${field[1]}) can't be read: ${field[3]}`;
  if (text.includes("timeout")) return `the deadline can't be taken: ${text}`;
  return `the body can't be read: ${text}`;
}

/**
 * Gives an error that Connect raised our words and our detail, in place: Connect has the object in its hands already
 * and serializes it next.
 */
export function dress(error: ConnectError, requestId: string, maxBytes: number): void {
  if (error.details.length > 0) return;
  const fault = ownWords(error, maxBytes);
  if (fault === undefined) return;
  const dressed = fromFault(fault, requestId);
  const { rawMessage, message, code, details } = dressed;
  Object.assign(error, { rawMessage, message, code, details });
}
