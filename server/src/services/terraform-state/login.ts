// Who Terraform's http backend logs in as: it knows nothing but a user's name and a password, and sends both with every request.
import type { Clock } from "../../clock.ts";
import type { Tenant } from "../../store/store.ts";
import { type IssuedToken, RememberedTokens } from "../remembered-tokens.ts";
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
  /** Logs a service account in. @throws Fault UNAUTHENTICATED */
  issue(login: KeyLogin): Promise<IssuedToken>;
}

/** What a service account's key begins with; anything else is a token. */
const keyPrefix = "pck_";

/** Answers a token for a credential. One login serves the requests of many minutes: what a revoked key had got ends with its session. */
export function createLogin({ clock, issue }: LoginParts) {
  const known = new RememberedTokens(clock);
  return async ({ tenant, user, password }: Credential, request: TenantRequest): Promise<string> => {
    if (!password.startsWith(keyPrefix)) return password;
    const credential = [tenant.org, tenant.project, user, password];
    const found = known.find(credential);
    if (found !== undefined) return found;
    const { sourceIp, requestId, signal } = request;
    const place = { orgId: tenant.org, projectId: tenant.project };
    const made = await issue({ ...place, principalId: user, keySecret: password, sourceIp, requestId, signal });
    known.keep(credential, made);
    return made.token;
  };
}
