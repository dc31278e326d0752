// What an issuer identifier may look like: https, without a query or a fragment (OpenID Connect Discovery 1.0, section 3; RFC 8414, section 2).
import { isIP } from "node:net";
import { invalidField } from "../../../fault.ts";
import { isPublic } from "../../../public-address.ts";
import type { FederationTerms } from "./terms.ts";

const loopbacks: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Whether a URL names this machine itself by a name that nobody else can take. */
export function isLoopback({ hostname }: URL): boolean {
  return loopbacks.has(hostname);
}

/** What is wrong with an issuer; undefined: nothing that can be seen without asking it. */
export function issuerProblem(text: string, { privateIssuers }: FederationTerms): string | undefined {
  const url = URL.parse(text);
  if (url === null) return "an absolute https URL is needed";
  const secure = url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url) && privateIssuers);
  if (!secure) return "it must begin with https://";
  if (url.username !== "" || url.password !== "") return "it must hold no user and no password";
  if (text.includes("?") || text.includes("#")) return "it must have no query and no fragment";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const isPrivate = isLoopback(url) || (isIP(host) !== 0 && !isPublic(host));
  return isPrivate && !privateIssuers ? "it is at a private address, which this cloud does not ask" : undefined;
}

/** @throws Fault INVALID_FIELDS on the field `issuer`. */
export function refuseBadIssuer(text: string, terms: FederationTerms): void {
  const problem = issuerProblem(text, terms);
  if (problem !== undefined) throw invalidField("issuer", "format", `${JSON.stringify(text)}: ${problem}`);
}
