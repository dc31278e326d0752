// Errors in SCIM's form (RFC 7644, section 3.12).
import { reasons } from "@photoncloud/proto";
import { Fault } from "../../../fault.ts";
import type { WebAnswer } from "../../web.ts";

export const scimType = "application/scim+json";
const errorSchema = "urn:ietf:params:scim:api:messages:2.0:Error";

/** The words of RFC 7644, table 9. */
export type ScimWord =
  | "invalidFilter"
  | "invalidPath"
  | "invalidSyntax"
  | "invalidValue"
  | "mutability"
  | "noTarget"
  | "tooMany"
  | "uniqueness";

export class ScimError extends Error {
  override readonly name = "ScimError";
  readonly status: number;
  readonly word: ScimWord | undefined;

  constructor(status: number, message: string, word?: ScimWord) {
    super(message);
    this.status = status;
    this.word = word;
  }
}

/** A filter that names more than are looked at for one answer (RFC 7644, table 9). */
export function tooMany(most: number): ScimError {
  const indexed = "id, userName, externalId, displayName, emails.value or, of a group, members.value";
  return new ScimError(400, `the filter would look at more than ${most}; have it name ${indexed} as well`, "tooMany");
}

/** After an update of the cloud, as long as it fills in what everybody is found by. */
export function tooEarly(): ScimError {
  return new ScimError(503, "the cloud is still indexing what it can look up; ask again in a minute");
}

const statuses: Readonly<Record<string, number>> = {
  invalid_argument: 400,
  not_found: 404,
  already_exists: 409,
  failed_precondition: 409,
  resource_exhausted: 429,
  aborted: 409,
  unauthenticated: 401,
  permission_denied: 403,
  unavailable: 503,
  unimplemented: 501,
};

/** What went wrong in SCIM's words; undefined: nothing that a caller is told. */
export function scimError(error: unknown): ScimError | undefined {
  if (error instanceof ScimError) return error;
  if (!(error instanceof Fault)) return undefined;
  // A version that is no longer the present one (section 3.14).
  if (error.reason === "STALE_ETAG") return new ScimError(412, error.message);
  const status = statuses[reasons[error.reason].code];
  if (status === undefined) return undefined;
  const word = status === 400 ? "invalidValue" : error.reason === "ALREADY_EXISTS" ? "uniqueness" : undefined;
  return new ScimError(status, error.message, word);
}

export function errorAnswer({ status, word, message }: ScimError): WebAnswer {
  const body = { schemas: [errorSchema], status: String(status), ...(word && { scimType: word }), detail: message };
  const challenge = status === 401 ? { "www-authenticate": "Bearer" } : {};
  return {
    status,
    headers: { "content-type": scimType, "cache-control": "no-store", ...challenge },
    body: JSON.stringify(body),
  };
}
