// Access tokens: JWTs (RFC 7519, RFC 8725) signed with ES256, good for 15 minutes, worth nothing once their session has ended.
import { type JWTPayload, jwtVerify, SignJWT } from "jose";
import type { Clock } from "../../../clock.ts";
import { Fault } from "../../../fault.ts";
import type { Principal } from "../../kind.ts";
import { parsePrincipalName, principalName } from "../principal-name.ts";
import { algorithm, type SigningKeys } from "./signing-keys.ts";

/** How long a token is good. Milliseconds. */
export const accessTokenMs = 15 * 60_000;
/** What a token of ours looks like at most; longer ones are not parsed. */
const longestToken = 4_096;
const type = "at+jwt";

/** What a verified token says. */
export interface Claims {
  readonly principal: Principal;
  readonly tokenId: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface AccessTokens {
  sign(principal: Principal, tokenId: string, expiresAt: number): Promise<string>;
  /**
   * Says nothing of the session.
   *
   * @param options.expired Takes a token whose time is over, too: it says whose it was, and opens nothing.
   * @throws Fault UNAUTHENTICATED in the same words whatever is wrong.
   */
  verify(token: string, options?: { readonly expired: boolean }): Promise<Claims>;
}

/** The one answer to every token that is not good. */
export function unauthenticated(cause?: unknown): Fault {
  return new Fault("UNAUTHENTICATED", "the token is not valid or no longer valid; log in again", { cause });
}

export function createAccessTokens(
  keys: SigningKeys,
  options: { readonly issuer: string; readonly audience: string; readonly clock: Clock },
): AccessTokens {
  const { issuer, audience, clock } = options;
  return {
    async sign(principal, tokenId, expiresAt) {
      const key = await keys.current();
      return new SignJWT({
        org_id: principal.org,
        project_id: principal.project,
        principal_kind: principal.kind,
        sid: principal.sessionId,
      })
        .setProtectedHeader({ alg: algorithm, kid: key.kid, typ: type })
        .setSubject(principalName(principal))
        .setIssuer(issuer)
        .setAudience(audience)
        .setJti(tokenId)
        .setIssuedAt(Math.floor(clock.now() / 1000))
        .setExpirationTime(Math.floor(expiresAt / 1000))
        .sign(key.privateKey);
    },
    async verify(token, { expired } = { expired: false }) {
      if (token.length > longestToken) throw unauthenticated();
      // What fails while a key is read is no fault of the token.
      let failure: unknown;
      const keyFor = async (kid: string) => {
        const key = await keys.verifying(kid).catch((error: unknown) => {
          failure = error;
          throw error;
        });
        return key?.publicKey ?? refuse();
      };
      const { payload } = await jwtVerify(token, ({ kid }) => keyFor(kid ?? ""), {
        algorithms: [algorithm],
        issuer,
        audience,
        typ: type,
        currentDate: new Date(expired ? 0 : clock.now()),
        requiredClaims: ["sub", "sid", "jti", "iat", "exp", "org_id", "project_id"],
      }).catch((cause: unknown) => {
        throw failure ?? unauthenticated(cause);
      });
      return claimsOf(payload);
    },
  };
}

function refuse(): never {
  throw unauthenticated();
}

function claimsOf(payload: JWTPayload): Claims {
  const { sub, sid, jti, exp, org_id, project_id } = payload;
  const identity = parsePrincipalName(sub ?? "");
  if (identity === undefined || identity.org !== org_id || jti === undefined || exp === undefined)
    throw unauthenticated();
  if (typeof sid !== "string" || typeof project_id !== "string") throw unauthenticated();
  return { principal: { ...identity, project: project_id, sessionId: sid }, tokenId: jti, expiresAt: exp * 1000 };
}
