// Identity tokens: what our principals show to other systems (OpenID Connect Core 1.0, section 2). They open nothing here: their type and
// their audience are not those of access tokens.
import { SignJWT } from "jose";
import type { Clock } from "../../../clock.ts";
import { Fault, invalidField } from "../../../fault.ts";
import type { Principal } from "../../kind.ts";
import { principalName } from "../principal-name.ts";
import { algorithm, type SigningKeys } from "../tokens/signing-keys.ts";

/** Long enough to be shown at once, in milliseconds. */
const lifeMs = 10 * 60_000;
const longestAudience = 512;

export interface IdentityTokenParts {
  readonly keys: SigningKeys;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  /** The address where discovery answers; it is the tokens' `iss`. */
  readonly endpoint: () => string;
  /** The audience of our own access tokens. */
  readonly own: readonly string[];
}

export interface IdentityToken {
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** @throws Fault INVALID_FIELDS for an audience that is none, PERMISSION_DENIED for a narrowed token. */
export async function identityToken(
  parts: IdentityTokenParts,
  caller: Principal,
  audience: string,
): Promise<IdentityToken> {
  const { keys, clock, random, endpoint, own } = parts;
  refuseAudience(audience, [...own, endpoint()]);
  // Who holds less than its principal must not pass for it elsewhere.
  if (caller.limits !== undefined)
    throw new Fault(
      "PERMISSION_DENIED",
      "a narrowed token gives no identity token; use the one that it was narrowed from",
    );
  const key = await keys.current();
  const now = Math.floor(clock.now() / 1000);
  const expiresAt = now * 1000 + lifeMs;
  const claims = {
    org_id: caller.org,
    project_id: caller.project,
    principal_kind: caller.kind,
    principal_id: caller.id,
  };
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: algorithm, kid: key.kid, typ: "JWT" })
    .setIssuer(endpoint())
    .setSubject(principalName(caller))
    .setAudience(audience)
    .setJti(Buffer.from(random(16)).toString("base64url"))
    .setIssuedAt(now)
    .setExpirationTime(expiresAt / 1000)
    .sign(key.privateKey);
  return { token, expiresAt };
}

function refuseAudience(audience: string, own: readonly string[]): void {
  if (audience === "")
    throw invalidField("audience", "required", "it is missing; give the name of who will take the token");
  if (audience.length > longestAudience)
    throw invalidField(
      "audience",
      "size",
      `it has ${audience.length} characters; at most ${longestAudience} are allowed`,
    );
  if (own.includes(audience))
    throw invalidField("audience", "reserved", "it is this cloud itself, which takes access tokens: call IssueToken");
}
