// POST /oauth2/token: codes, device codes, refresh tokens, other issuers' tokens and service accounts' keys for access tokens.
import type { Clock } from "../../../../clock.ts";
import type { Store } from "../../../../store/store.ts";
import { jsonAnswer, type WebAnswer, type WebRequest } from "../../../web.ts";
import { accessTokenMs } from "../../tokens/access-token.ts";
import type { SessionLife, Tokens } from "../../tokens/session-life.ts";
import { type Exchange, tokenTypes } from "../exchange.ts";
import { refuseUnknownProject } from "../projects.ts";
import { single } from "./authorize.ts";
import { cliClient } from "./client.ts";
import { type DeviceParts, poll } from "./device.ts";
import { OAuthError } from "./error.ts";
import { hashOf, type Pending } from "./pending.ts";
import type { Granted, Proved } from "./states.ts";

export const grantTypes = {
  code: "authorization_code",
  refresh: "refresh_token",
  device: "urn:ietf:params:oauth:grant-type:device_code",
  exchange: "urn:ietf:params:oauth:grant-type:token-exchange",
} as const;

export interface TokenEndpointParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly life: SessionLife;
  readonly exchange: Exchange;
  readonly codes: Pending<Granted>;
  readonly device: DeviceParts;
  /** What `audience` and `resource` may name. */
  readonly own: () => readonly string[];
}

/** A login in a browser that has become a session. */
interface Begun {
  readonly tokens: Tokens;
  readonly mustEnroll: boolean;
}

export async function tokenEndpoint(
  parts: TokenEndpointParts,
  form: URLSearchParams,
  request: WebRequest,
): Promise<WebAnswer> {
  const grant = single(form, "grant_type");
  switch (grant) {
    case grantTypes.code:
      return begunAnswer(parts, await byCode(parts, form, request));
    case grantTypes.refresh:
      return tokensAnswer(parts, await parts.life.refresh(single(form, "refresh_token"), callerOf(request)));
    case grantTypes.device:
      return begunAnswer(parts, await byDevice(parts, form, request));
    case grantTypes.exchange:
      return tokensAnswer(parts, await byExchange(parts, form, request), { issued_token_type: tokenTypes.accessToken });
    case "":
      throw new OAuthError("invalid_request", "grant_type is missing");
    default:
      throw new OAuthError("unsupported_grant_type", `the grant types are ${Object.values(grantTypes).join(", ")}`);
  }
}

/** RFC 6749, section 5.1; no cache keeps it. */
function tokensAnswer(
  { clock }: TokenEndpointParts,
  tokens: Tokens,
  more: Readonly<Record<string, string | boolean>> = {},
): WebAnswer {
  return jsonAnswer(200, {
    access_token: tokens.token,
    token_type: "Bearer",
    expires_in: Math.max(0, Math.floor((tokens.expiresAt - clock.now()) / 1000)),
    ...(tokens.refreshToken !== "" && { refresh_token: tokens.refreshToken }),
    ...more,
  });
}

/** `must_enroll`: all that the token is good for is enrolling a second factor. */
function begunAnswer(parts: TokenEndpointParts, { tokens, mustEnroll }: Begun): WebAnswer {
  return tokensAnswer(parts, tokens, mustEnroll ? { must_enroll: true } : {});
}

function callerOf({ sourceIp, requestId }: WebRequest) {
  return { principal: undefined, sourceIp, requestId, method: "oauth2/token" };
}

/** RFC 6749, section 4.1.3, and RFC 7636, section 4.6. A code is gone once it was shown, right or wrong. */
async function byCode(parts: TokenEndpointParts, form: URLSearchParams, request: WebRequest): Promise<Begun> {
  if (single(form, "client_id") !== cliClient) throw new OAuthError("invalid_client", `the client is not ${cliClient}`);
  const granted = await parts.codes.take(single(form, "code"));
  const isFor = granted !== undefined && granted.redirectUri === single(form, "redirect_uri");
  if (!isFor || hashOf(single(form, "code_verifier")) !== granted.challenge)
    throw new OAuthError(
      "invalid_grant",
      "the code is not good, was used, or is not for this verifier and redirect_uri",
    );
  return beginOf(parts, granted, request);
}

async function byDevice(parts: TokenEndpointParts, form: URLSearchParams, request: WebRequest): Promise<Begun> {
  if (single(form, "client_id") !== cliClient) throw new OAuthError("invalid_client", `the client is not ${cliClient}`);
  return beginOf(parts, await poll(parts.device, single(form, "device_code")), request);
}

async function beginOf(
  { store, life }: TokenEndpointParts,
  { proved, project }: { readonly proved: Proved; readonly project: string },
  request: WebRequest,
): Promise<Begun> {
  const { org, userId: id, groups, mfaAt, credential, limits } = proved;
  await refuseUnknownProject(store, org, project);
  const enrolling = limits && { limits, ttlMs: accessTokenMs, refreshable: false };
  const brought = { ...(groups.length > 0 && { groups }), ...(mfaAt !== undefined && { mfaAt }), ...enrolling };
  const start = { identity: { kind: "user", org, id }, credential, project, ...brought } as const;
  return { tokens: await life.begin(start, callerOf(request)), mustEnroll: limits !== undefined };
}

/** RFC 8693, section 2.1, with the account that is asked for in parameters of our own: org_id, principal_id, project_id. */
async function byExchange(parts: TokenEndpointParts, form: URLSearchParams, request: WebRequest): Promise<Tokens> {
  const given = (name: string) => single(form, name);
  refuseOther(parts, form);
  const subjectToken = given("subject_token");
  const subjectTokenType = given("subject_token_type");
  if (subjectToken === "") throw new OAuthError("invalid_request", "subject_token is missing");
  if (subjectTokenType !== tokenTypes.idToken && subjectTokenType !== tokenTypes.jwt)
    throw new OAuthError("invalid_request", `subject_token_type must be ${tokenTypes.idToken} or ${tokenTypes.jwt}`);
  const ids = { org: given("org_id"), principalId: given("principal_id"), project: given("project_id") };
  try {
    return await parts.exchange.exchange({ ...ids, subjectToken, subjectTokenType }, callerOf(request));
  } catch (error) {
    // A subject token that is not valid or not acceptable is invalid_request (RFC 8693, section 2.2.2).
    if (error instanceof Error && "reason" in error && error.reason === "BAD_CREDENTIALS")
      throw new OAuthError("invalid_request", error.message);
    throw error;
  }
}

/** What RFC 8693 has and we don't is refused, never passed over. */
function refuseOther({ own }: TokenEndpointParts, form: URLSearchParams): void {
  if (form.has("actor_token") || form.has("actor_token_type"))
    throw new OAuthError("invalid_request", "acting for others (actor_token) is not served");
  const wanted = single(form, "requested_token_type");
  if (wanted !== "" && wanted !== tokenTypes.accessToken && wanted !== tokenTypes.jwt)
    throw new OAuthError("invalid_request", `requested_token_type must be ${tokenTypes.accessToken}`);
  if (single(form, "scope") !== "")
    throw new OAuthError("invalid_scope", "there are no scopes: roles say what a principal may do");
  const targets = [...form.getAll("audience"), ...form.getAll("resource")];
  if (targets.some((target) => !own().includes(target.replace(/\/$/, ""))))
    throw new OAuthError("invalid_target", "the tokens that are given here are for this cloud alone");
}
