// Refresh tokens: where their session is, and 256 random bits of which the session keeps a hash.
import { hashSecret } from "../credentials/key-secret.ts";
import { type Identity, parsePrincipalName, principalName } from "../principal-name.ts";

const prefix = "pcr_";
/** 256 bits. */
export const refreshBytes = 32;

export interface RefreshToken {
  readonly identity: Identity;
  readonly sessionId: string;
  /** What the session keeps of it. */
  readonly hash: string;
}

export function formatRefreshToken(identity: Identity, sessionId: string, random: Uint8Array): string {
  const place = Buffer.from(`${principalName(identity)}/${sessionId}`).toString("base64url");
  return `${prefix}${place}.${Buffer.from(random).toString("base64url")}`;
}

export function refreshHash(token: string): string {
  return Buffer.from(hashSecret(token)).toString("base64url");
}

/** Reads a token; undefined where it is not of that shape. */
export function parseRefreshToken(token: string): RefreshToken | undefined {
  if (!token.startsWith(prefix) || token.length > 512) return undefined;
  const [place = ""] = token.slice(prefix.length).split(".");
  const text = Buffer.from(place, "base64url").toString();
  const end = text.lastIndexOf("/");
  const identity = parsePrincipalName(text.slice(0, end));
  return identity && { identity, sessionId: text.slice(end + 1), hash: refreshHash(token) };
}
