// What a person sees who logs in with a password of the cloud's own.
import type { WebAnswer } from "../../../web.ts";
import { type Html, html, page } from "./page.ts";
import { passkeyScript } from "./passkey-script.ts";

/** Why a page is shown again, and with which status. */
export interface Problem {
  readonly status: number;
  readonly message: string;
}

export interface Entry {
  readonly ticket: string;
  readonly org: string;
  readonly user: string;
}

/** What a browser's passkey is asked: to show itself, or to be made. */
export interface PasskeyAsked {
  readonly verb: "get" | "create";
  /** JSON, as the cloud draws it. */
  readonly options: string;
  readonly ticket: string;
  readonly action: string;
  readonly button: string;
}

function said(problem: Problem | undefined): Html {
  return html`<p id="problem" role="alert">${problem?.message ?? ""}</p>`;
}

export function passwordPage(
  { ticket, org, user }: Entry,
  headers: Readonly<Record<string, string>>,
  problem?: Problem,
): WebAnswer {
  const form = html`<form method="post" action="/oauth2/login"><input type="hidden" name="ticket" value="${ticket}"><p><label>User<br><input name="user" value="${user}" autocomplete="username" autocapitalize="none" required></label></p><p><label>Password<br><input name="password" type="password" autocomplete="current-password" required></label></p><p><button>Log in</button></p></form>`;
  return page(problem?.status ?? 200, `Log in to ${org}`, html`${said(problem)}${form}`, headers);
}

/** @param passkey The JSON of PublicKeyCredentialRequestOptions; "" where there is no passkey. */
export function factorPage({ ticket, org, user }: Entry, passkey: string, problem?: Problem): WebAnswer {
  const action = "/oauth2/login/factor";
  const key =
    passkey === "" ? html`` : passkeyForm({ verb: "get", options: passkey, ticket, action, button: "Use a passkey" });
  const code = html`<form method="post" action="${action}"><input type="hidden" name="ticket" value="${ticket}"><p><label>Code of your authenticator app, or a recovery code<br><input name="code" autocomplete="one-time-code" required></label> <button>Go on</button></p></form>`;
  const who = html`<p>You are <strong>${user}</strong> of <strong>${org}</strong>; prove it by a second factor.</p>`;
  const scripts = passkey === "" ? "" : passkeyScript;
  return page(problem?.status ?? 200, "Second factor", html`${who}${said(problem)}${key}${code}`, {}, scripts);
}

export function passkeyForm({ verb, options, ticket, action, button }: PasskeyAsked): Html {
  return html`<form id="passkey" method="post" action="${action}" data-verb="${verb}" data-options="${options}"><input type="hidden" name="ticket" value="${ticket}"><input type="hidden" name="answer"><p><button>${button}</button></p></form>`;
}
