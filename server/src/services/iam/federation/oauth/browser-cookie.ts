// What ties the requests of one login to one browser: a cookie of its own for each login, so that two in one browser don't disturb each other.
import { timingSafeEqual } from "node:crypto";
import type { WebRequest } from "../../../web.ts";
import { hashOf } from "./pending.ts";

const prefix = "photon-login-";

/** @param secret What the login is found by. */
function cookieName(secret: string): string {
  return `${prefix}${hashOf(secret).slice(0, 12)}`;
}

/** Host-bound under TLS; Lax, since a provider sends the browser back from another site. */
export function cookieOf(
  secret: string,
  browser: string,
  { endpoint, lifeMs }: { readonly endpoint: string; readonly lifeMs: number },
): string {
  const secure = endpoint.startsWith("https:") ? "; Secure" : "";
  const seconds = Math.floor(lifeMs / 1000);
  return `${cookieName(secret)}=${browser}; Path=/oauth2; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`;
}

/** Whether a request comes from the browser that the login was begun in. */
export function isFrom(request: WebRequest, secret: string, browserHash: string): boolean {
  return cookies(request).some(([name, value]) => name === cookieName(secret) && isSame(hashOf(value), browserHash));
}

/** Whether it comes from a browser that holds the cookie of some login of that hash. */
export function isKnown(request: WebRequest, browserHash: string): boolean {
  return cookies(request).some(([name, value]) => name.startsWith(prefix) && isSame(hashOf(value), browserHash));
}

function cookies({ headers }: WebRequest): readonly (readonly [name: string, value: string])[] {
  return (headers.cookie ?? "").split(";").map((part) => {
    const [name = "", value = ""] = part.trim().split("=", 2);
    return [name, value];
  });
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
