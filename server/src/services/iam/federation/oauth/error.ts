// What OAuth's endpoints refuse with (RFC 6749, section 5.2; RFC 8628, section 3.5; RFC 8693, section 2.2.2).
import { reasons } from "@photoncloud/proto";
import { Fault } from "../../../../fault.ts";
import { jsonAnswer, type WebAnswer } from "../../../web.ts";

export type OAuthCode =
  | "invalid_request"
  | "invalid_client"
  | "invalid_grant"
  | "invalid_target"
  | "invalid_scope"
  | "unauthorized_client"
  | "unsupported_grant_type"
  | "unsupported_response_type"
  | "access_denied"
  | "authorization_pending"
  | "slow_down"
  | "expired_token"
  | "temporarily_unavailable"
  | "server_error";

export class OAuthError extends Error {
  override readonly name = "OAuthError";
  readonly code: OAuthCode;

  constructor(code: OAuthCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What went wrong in OAuth's words; undefined: nothing that a caller is told. */
export function oauthError(error: unknown): OAuthError | undefined {
  if (error instanceof OAuthError) return error;
  if (!(error instanceof Fault)) return undefined;
  switch (reasons[error.reason].code) {
    case "unauthenticated":
      return new OAuthError("invalid_grant", error.message);
    case "unavailable":
    case "resource_exhausted":
    case "aborted":
      return new OAuthError("temporarily_unavailable", error.message);
    case "internal":
      return undefined;
    default:
      return new OAuthError("invalid_request", error.message);
  }
}

export function errorAnswer(error: OAuthError): WebAnswer {
  const status = error.code === "invalid_client" ? 401 : error.code === "temporarily_unavailable" ? 503 : 400;
  return jsonAnswer(status, { error: error.code, error_description: printable(error.message) });
}

/** The characters that a description may have (RFC 6749, section 5.2). */
function printable(text: string): string {
  return text.replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, "?");
}
