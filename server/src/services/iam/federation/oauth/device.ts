// The device flow (RFC 8628): a command on a machine without a browser shows a code; a person types it in elsewhere, proves at the org's provider
// who they are, and lets the device in by a button of their own, so that a link that somebody sent them is not enough.
import type { Clock } from "../../../../clock.ts";
import { jsonAnswer, type WebAnswer, type WebRequest } from "../../../web.ts";
import type { Attempts } from "../attempts.ts";
import { single } from "./authorize.ts";
import { isKnown } from "./browser-cookie.ts";
import { cliClient } from "./client.ts";
import { OAuthError } from "./error.ts";
import type { CameBack, Logins } from "./logins.ts";
import { html, page } from "./page.ts";
import type { Pending } from "./pending.ts";
import type { RelyingParty } from "./relying-party.ts";
import type { Asked, Proved, Shown, Waiting } from "./states.ts";
import { drawUserCode, readUserCode } from "./user-code.ts";

/** How often a device may ask, and how much longer it waits each time that it asked too soon (RFC 8628, section 3.5). */
export const intervalMs = 5_000;
const slowDownMs = 5_000;
const longestId = 128;

export interface DeviceParts {
  readonly logins: Logins;
  readonly relyingParty: RelyingParty;
  readonly limiter: Attempts;
  readonly waiting: Pending<Waiting>;
  readonly shown: Pending<Shown>;
  readonly asked: Pending<Asked>;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  readonly endpoint: () => string;
  /** See Logins. */
  begun(sourceIp: string): void;
}

/** POST /oauth2/device_authorization (RFC 8628, section 3.1). */
export async function beginDevice(
  parts: DeviceParts,
  form: URLSearchParams,
  { sourceIp }: WebRequest,
): Promise<WebAnswer> {
  const given = (name: string) => single(form, name);
  if (given("client_id") !== cliClient) throw new OAuthError("invalid_client", `the client is not ${cliClient}`);
  const [org, provider, project] = [given("org_id"), given("provider_id"), given("project_id")];
  if ([org, provider, project].some((id) => id.length > longestId))
    throw new OAuthError("invalid_request", "an id is too long");
  parts.begun(sourceIp);
  if (provider !== "") await parts.relyingParty.find(org, provider);
  const deviceCode = parts.logins.secret();
  const userCode = await drawFree(parts, { org, provider, sourceIp, decision: "open" });
  const nextAt = parts.clock.now() + intervalMs;
  await parts.waiting.add(deviceCode, { org, provider, project, sourceIp, userCode, intervalMs, nextAt });
  const uri = `${parts.endpoint()}/oauth2/device`;
  return jsonAnswer(200, {
    device_code: deviceCode,
    user_code: userCode,
    verification_uri: uri,
    verification_uri_complete: `${uri}?user_code=${userCode}`,
    expires_in: Math.floor(parts.waiting.lifeMs / 1000),
    interval: intervalMs / 1000,
  });
}

async function drawFree(parts: DeviceParts, shown: Shown): Promise<string> {
  for (;;) {
    const code = drawUserCode(parts.random);
    if (await parts.shown.add(code, shown)) return code;
  }
}

/** GET /oauth2/device: asks for the code, then says what it stands for. */
export async function devicePage(parts: DeviceParts, request: WebRequest): Promise<WebAnswer> {
  const typed = single(request.url.searchParams, "user_code");
  if (typed === "") return askForCode("");
  const code = readUserCode(typed);
  const found = await lookUp(parts, code, request);
  if (found === undefined) return askForCode("That is no code that is waiting. ");
  return page(
    200,
    "Log a device in?",
    html`<p>A device at <code>${found.sourceIp}</code> shows the code <code>${code}</code> and wants to work in the org <strong>${found.org}</strong>.</p><p>Go on only if you began this yourself and the device shows this very code.</p><p><a id="continue" href="/oauth2/device/login?user_code=${code}">${found.provider === "" ? "Log in" : `Log in with ${found.provider}`}</a></p>`,
  );
}

function askForCode(problem: string): WebAnswer {
  return page(
    problem === "" ? 200 : 400,
    "Log a device in",
    html`<form method="get" action="/oauth2/device"><p>${problem}Type the code that the device shows.</p><p><input name="user_code" autocomplete="off" autofocus required> <button>Go on</button></p></form>`,
  );
}

/** Guesses are counted by where they come from. */
async function lookUp(parts: DeviceParts, code: string, request: WebRequest): Promise<Shown | undefined> {
  return parts.limiter.attempt({ ...request, method: "/oauth2/device" }, "device-code", async () => {
    const found = code === "" ? undefined : await parts.shown.get(code);
    return found?.value.decision === "open" ? found.value : undefined;
  });
}

/** GET /oauth2/device/login: sends the browser to the provider, or shows the cloud's own page. */
export async function deviceLogin(parts: DeviceParts, request: WebRequest): Promise<WebAnswer> {
  const userCode = readUserCode(single(request.url.searchParams, "user_code"));
  const found = await lookUp(parts, userCode, request);
  if (found === undefined) return askForCode("That is no code that is waiting. ");
  const { org, provider } = found;
  return parts.logins.send({ org, provider, user: "" }, { for: "device", userCode }, request);
}

/** Who is there is proved: asks whether the device may in. */
export async function askDecision(
  parts: DeviceParts,
  { proved, browser }: CameBack,
  userCode: string,
): Promise<WebAnswer> {
  const found = await parts.shown.get(userCode);
  if (found?.value.decision !== "open" || found.value.org !== proved.org)
    return askForCode("That is no code that is waiting. ");
  const ticket = parts.logins.secret();
  await parts.asked.add(ticket, { userCode, browser, proved });
  return page(
    200,
    "Let the device in?",
    html`<p>You are <strong>${proved.userId}</strong> of <strong>${proved.org}</strong>. The device at <code>${found.value.sourceIp}</code> that shows <code>${userCode}</code> will be able to do all that you may.</p><form method="post" action="/oauth2/device/decision"><input type="hidden" name="ticket" value="${ticket}"><p><button name="decision" value="allow">Let it in</button> <button name="decision" value="deny">Refuse</button></p></form>`,
  );
}

/** POST /oauth2/device/decision, from the browser that proved itself. */
export async function decide(parts: DeviceParts, form: URLSearchParams, request: WebRequest): Promise<WebAnswer> {
  const ticket = single(form, "ticket");
  const asked = await parts.asked.get(ticket);
  const isOwn = asked !== undefined && isKnown(request, asked.value.browser);
  const taken = isOwn ? await parts.asked.take(ticket) : undefined;
  if (taken === undefined)
    throw new OAuthError("invalid_request", "nobody asked this browser; begin again with the code");
  const allowed = single(form, "decision") === "allow";
  const isNoted = await note(parts, taken.userCode, allowed ? taken.proved : "denied");
  if (!isNoted) return askForCode("That is no code that is waiting. ");
  return allowed
    ? page(200, "The device is in", html`<p>You can close this page.</p>`)
    : page(200, "Refused", html`<p>The device was not let in. You can close this page.</p>`);
}

async function note({ shown }: DeviceParts, userCode: string, decision: Proved | "denied"): Promise<boolean> {
  const found = await shown.get(userCode);
  if (found?.value.decision !== "open") return false;
  return shown.change(userCode, { ...found.value, decision }, found.version);
}

/** A device asks whether it may in (RFC 8628, section 3.4). @throws OAuthError authorization_pending, slow_down, access_denied, expired_token */
export async function poll(
  parts: DeviceParts,
  deviceCode: string,
): Promise<{ readonly proved: Proved; readonly project: string }> {
  const found = await parts.waiting.get(deviceCode);
  if (found === undefined)
    throw new OAuthError("expired_token", "the device code is not known, was used or is too old");
  const { value, version } = found;
  const now = parts.clock.now();
  const tooSoon = now < value.nextAt;
  const interval = value.intervalMs + (tooSoon ? slowDownMs : 0);
  await parts.waiting.change(deviceCode, { ...value, intervalMs: interval, nextAt: now + interval }, version);
  if (tooSoon) throw new OAuthError("slow_down", `ask again in ${interval / 1000} seconds`);
  const decision = (await parts.shown.get(value.userCode))?.value.decision ?? "denied";
  if (decision === "open") throw new OAuthError("authorization_pending", "nobody has decided yet");
  const taken = await parts.waiting.take(deviceCode);
  await parts.shown.take(value.userCode);
  if (decision === "denied" || taken === undefined) throw new OAuthError("access_denied", "the device was refused");
  return { proved: decision, project: value.project };
}
