// Who Terraform's http backend logs in as: it knows nothing but a user's name and a password, and sends both with every request.
import { createHash } from "node:crypto";
import type { Clock } from "../../clock.ts";
import type { Tenant } from "../../store/store.ts";
import type { TenantRequest } from "../web.ts";

export interface Credential {
  readonly tenant: Tenant;
  readonly user: string;
  readonly password: string;
}

export interface KeyLogin extends Pick<TenantRequest, "sourceIp" | "requestId" | "signal"> {
  readonly orgId: string;
  readonly projectId: string;
  readonly principalId: string;
  readonly keySecret: string;
}

export interface LoginParts {
  readonly clock: Clock;
  /** Logs a service account in. `expiresAt`: milliseconds since 1970. @throws Fault UNAUTHENTICATED */
  issue(login: KeyLogin): Promise<{ readonly token: string; readonly expiresAt: number }>;
}

/** What a service account's key begins with; anything else is a token. */
const keyPrefix = "pck_";
/** A token is used until so long before its end (milliseconds). */
const marginMs = 60_000;
/** Logins that are remembered; beyond it all are forgotten, and log in again. */
const mostKnown = 1_000;

/** Answers a token for a credential. One login serves the requests of many minutes: what a revoked key had got ends with its session. */
export function createLogin({ clock, issue }: LoginParts) {
  const known = new Map<string, { readonly token: string; readonly expiresAt: number }>();
  return async ({ tenant, user, password }: Credential, request: TenantRequest): Promise<string> => {
    if (!password.startsWith(keyPrefix)) return password;
    const key = createHash("sha256")
      .update(JSON.stringify([tenant, user, password]))
      .digest("base64");
    const found = known.get(key);
    if (found !== undefined && found.expiresAt - marginMs > clock.now()) return found.token;
    const { sourceIp, requestId, signal } = request;
    const place = { orgId: tenant.org, projectId: tenant.project };
    const made = await issue({ ...place, principalId: user, keySecret: password, sourceIp, requestId, signal });
    if (known.size >= mostKnown) known.clear();
    known.set(key, made);
    return made.token;
  };
}
