// Page tokens: a position, and the cursor of the first page's reading, bound to the list that they belong to.
import { createHash } from "node:crypto";
import { Fault } from "../../fault.ts";
import type { Tenant } from "../../store/store.ts";

export interface Position {
  readonly id: string;
  readonly tenant: Tenant;
  /** Where a watch may begin that misses nothing since the first page. */
  readonly cursor: string;
}

/** What a token belongs to. */
export interface Listing {
  readonly kind: string;
  readonly tenant: Tenant;
  readonly filter: string;
}

// A hash without a key is enough: a forged position only names where a list of the caller's own tenant goes on.
function seal(listing: Listing, body: string): string {
  const { kind, tenant, filter } = listing;
  return createHash("sha256")
    .update(JSON.stringify(["photoncloud page", kind, tenant.org, tenant.project, filter, body]))
    .digest("base64url")
    .slice(0, 22);
}

export function writeToken(listing: Listing, { id, tenant, cursor }: Position): string {
  const body = Buffer.from(JSON.stringify([id, tenant.org, tenant.project, cursor])).toString("base64url");
  return `${body}.${seal(listing, body)}`;
}

function parse(body: string): Position | undefined {
  const parts: unknown = JSON.parse(Buffer.from(body, "base64url").toString());
  if (!Array.isArray(parts)) return undefined;
  const [id, org, project, cursor] = parts.map((part: unknown) => (typeof part === "string" ? part : ""));
  if (id === undefined || org === undefined || project === undefined || cursor === undefined) return undefined;
  return { id, tenant: { org, project }, cursor };
}

/** @throws Fault BAD_PAGE_TOKEN for one of another list, tenant or filter, and for anything else. */
export function readToken(listing: Listing, token: string): Position {
  const [body = "", sealed = ""] = token.split(".");
  const position = body !== "" && sealed === seal(listing, body) ? parse(body) : undefined;
  if (position !== undefined) return position;
  const message = "it is not a token of this list with this filter; begin again without a token";
  throw new Fault("BAD_PAGE_TOKEN", `page_token: ${message}`, {
    violations: [{ path: "page_token", rule: "format", message }],
  });
}
