// Which web pages may connect to consoles. A browser says whose page asks (RFC 6454 section 7); other programs say nothing.
import type { IncomingHttpHeaders } from "node:http";

/** A page of the server's own address, or of one of the origins that the operator named. */
export function mayComeFrom({ origin, host }: IncomingHttpHeaders, origins: readonly string[]): boolean {
  if (origin === undefined) return true;
  const page = URL.parse(origin);
  if (page === null || (page.protocol !== "https:" && page.protocol !== "http:")) return false;
  return page.host === host || origins.includes(page.origin);
}
