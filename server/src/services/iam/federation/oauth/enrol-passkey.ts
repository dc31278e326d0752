// Passkeys are made where there is a browser: a person logs in on the cloud's own pages, with the second factor where there is one, and a script asks the
// browser for a new key. No session is begun by it.
import type { Store } from "../../../../store/store.ts";
import type { WebAnswer, WebRequest } from "../../../web.ts";
import { noteFactor } from "../../account/factor-event.ts";
import type { Factors, Owner } from "../../account/factors.ts";
import { principalKey } from "../../principals.ts";
import { single } from "./authorize.ts";
import { isKnown } from "./browser-cookie.ts";
import { OAuthError, oauthError } from "./error.ts";
import type { CameBack, Logins } from "./logins.ts";
import { passkeyForm } from "./own-pages.ts";
import { html, page } from "./page.ts";
import { passkeyScript } from "./passkey-script.ts";
import type { Pending } from "./pending.ts";
import type { Enrolling, Proved } from "./states.ts";

/** As of EnrollPasskeyRequest. */
const longestName = 128;

export interface EnrolParts {
  readonly store: Pick<Store, "get" | "transact">;
  readonly factors: Factors;
  readonly logins: Logins;
  readonly enrolling: Pending<Enrolling>;
}

/** GET /oauth2/passkey: the login that goes before. */
export function beginEnrolment({ logins }: EnrolParts, request: WebRequest): Promise<WebAnswer> {
  const given = (name: string) => single(request.url.searchParams, name);
  const purpose = { for: "passkey", name: given("name").slice(0, longestName) } as const;
  return logins.send({ org: given("org_id"), provider: "", user: given("login_hint") }, purpose, request);
}

/** Who is there is proved: asks the browser for a key. */
export async function askKey(parts: EnrolParts, { proved, browser }: CameBack, name: string): Promise<WebAnswer> {
  const owner = await ownerOf(parts, proved);
  const { id, options } = await parts.factors.enrollPasskey(owner, name);
  const ticket = parts.logins.secret();
  await parts.enrolling.add(ticket, { owner, factorId: id, browser });
  const form = passkeyForm({ verb: "create", options, ticket, action: "/oauth2/passkey", button: "Make a passkey" });
  const who = html`<p>It will be a second factor of <strong>${proved.userId}</strong> of <strong>${proved.org}</strong>.</p>`;
  const problem = html`<p id="problem" role="alert"></p>`;
  return page(200, "A new passkey", html`${who}${problem}${form}`, {}, passkeyScript);
}

/** POST /oauth2/passkey, from the browser that proved itself. */
export async function enrol(parts: EnrolParts, form: URLSearchParams, request: WebRequest): Promise<WebAnswer> {
  const ticket = single(form, "ticket");
  const found = await parts.enrolling.get(ticket);
  const isOwn = found !== undefined && isKnown(request, found.value.browser);
  const taken = isOwn ? await parts.enrolling.take(ticket) : undefined;
  if (taken === undefined)
    throw new OAuthError("invalid_request", "nobody asked this browser for a passkey; begin again");
  const { owner, factorId } = taken;
  const { factor, codes } = await confirmed(() =>
    parts.factors.confirmPasskey(owner, factorId, single(form, "answer")),
  );
  const principal = { ...owner.identity, project: "", sessionId: "" };
  const { sourceIp, requestId } = request;
  const caller = { principal, sourceIp, requestId, method: "oauth2/passkey" };
  await noteFactor(parts.store, "updated", owner.identity, factor.id, caller);
  return enrolled(codes);
}

function enrolled(codes: readonly string[]): WebAnswer {
  const list = codes.reduce((all, code) => html`${all}${code}\n`, html``);
  const shown =
    codes.length === 0
      ? html``
      : html`<p>These are your recovery codes: each is good once, and they are not shown again. Keep them elsewhere.</p><pre id="codes">${list}</pre>`;
  return page(
    200,
    "The passkey is enrolled",
    html`<p>From now on a login asks for it. You can close this page.</p>${shown}`,
  );
}

async function confirmed<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (oauthError(error) === undefined) throw error;
    throw new OAuthError("access_denied", "that is no answer to what the passkey was asked; begin again");
  }
}

async function ownerOf({ store }: EnrolParts, { org, userId: id }: Proved): Promise<Owner> {
  const identity = { kind: "user", org, id } as const;
  const row = await store.get(principalKey(identity));
  if (row === undefined) throw new OAuthError("access_denied", "the user is not there any more");
  return { identity, since: row.createdAt };
}
