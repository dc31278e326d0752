// The authorization endpoint for the command line (RFC 6749, section 4.1; RFC 8252): a browser comes from a command on the same machine, proves
// at the org's provider, or here, who is in front of it, and takes a code back that is good for a minute and for that command alone.
import type { WebAnswer, WebRequest } from "../../../web.ts";
import { cliClient, isChallenge, isLoopbackRedirect } from "./client.ts";
import { OAuthError, oauthError } from "./error.ts";
import type { CameBack, Logins } from "./logins.ts";
import { html, page, redirect } from "./page.ts";
import type { Pending } from "./pending.ts";
import type { Granted, Purpose } from "./states.ts";

const longestState = 512;

export interface AuthorizeParts {
  readonly logins: Logins;
  readonly codes: Pending<Granted>;
  readonly endpoint: () => string;
}

/** GET /oauth2/authorize. What is wrong with the client or its address is shown, never sent anywhere (RFC 6749, section 4.1.2.1). */
export async function authorize({ logins, endpoint }: AuthorizeParts, request: WebRequest): Promise<WebAnswer> {
  const given = (name: string) => single(request.url.searchParams, name);
  const redirectUri = given("redirect_uri");
  if (given("client_id") !== cliClient) throw new OAuthError("invalid_client", `the client is not ${cliClient}`);
  if (!isLoopbackRedirect(redirectUri))
    throw new OAuthError(
      "invalid_request",
      "redirect_uri must be http://127.0.0.1 or http://[::1] with a port and a path",
    );
  const state = given("state");
  try {
    if (given("response_type") !== "code")
      throw new OAuthError("unsupported_response_type", "response_type must be code");
    if (state === "" || state.length > longestState)
      throw new OAuthError("invalid_request", "state is missing or too long");
    const challenge = given("code_challenge");
    if (given("code_challenge_method") !== "S256" || !isChallenge(challenge))
      throw new OAuthError("invalid_request", "a code_challenge with the method S256 is needed (RFC 7636)");
    const purpose = { for: "loopback", redirectUri, state, challenge, project: given("project_id") } as const;
    const door = { org: given("org_id"), provider: given("provider_id"), user: given("login_hint") };
    return await logins.send(door, purpose, request);
  } catch (error) {
    const known = oauthError(error);
    if (known === undefined) throw error;
    return redirect(back(redirectUri, { error: known.code, error_description: known.message, state, iss: endpoint() }));
  }
}

/**
 * The last page: a link with the code. Someone must follow it, since whatever runs on the machine could have begun the login, and a provider
 * that knows the browser asks nothing (RFC 8252, section 8.6).
 */
export async function grantCode(
  { logins, codes, endpoint }: AuthorizeParts,
  { proved }: CameBack,
  purpose: Extract<Purpose, { for: "loopback" }>,
): Promise<WebAnswer> {
  const code = logins.secret();
  const { redirectUri, challenge, project, state } = purpose;
  await codes.add(code, { proved, project, redirectUri, challenge });
  const href = back(redirectUri, { code, state, iss: endpoint() });
  return page(
    200,
    "Let the command line in?",
    html`<p>A command on this computer (<code>${new URL(redirectUri).host}</code>) wants to work as <strong>${proved.userId}</strong> in the org <strong>${proved.org}</strong>.</p><p>Go on only if you have just run <code>photon login</code> yourself.</p><p><a id="continue" href="${href}">Go on</a></p>`,
  );
}

/** A parameter that is given at most once (RFC 6749, section 3.1). */
export function single(params: URLSearchParams, name: string): string {
  const all = params.getAll(name);
  if (all.length > 1) throw new OAuthError("invalid_request", `${name} is given more than once`);
  return all[0] ?? "";
}

function back(uri: string, params: Readonly<Record<string, string>>): string {
  return `${uri}?${new URLSearchParams(params)}`;
}
