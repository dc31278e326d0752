// OAuth 2.0 and OpenID Connect over plain HTTP: what the paths are, and what answers each.
import type { Clock } from "../../../../clock.ts";
import type { Store } from "../../../../store/store.ts";
import type { ResourceCalls } from "../../../call.ts";
import { jsonAnswer, type WebAnswer, type WebHandler, type WebRequest } from "../../../web.ts";
import type { Factors } from "../../account/factors.ts";
import type { Login } from "../../tokens/login.ts";
import type { Sealing } from "../../tokens/sealing.ts";
import type { SessionLife } from "../../tokens/session-life.ts";
import type { Attempts } from "../attempts.ts";
import type { Exchange } from "../exchange.ts";
import type { Issuers } from "../issuers.ts";
import type { OutsideFetch } from "../outside.ts";
import { authorize, grantCode } from "./authorize.ts";
import { createBeginBudget } from "./budget.ts";
import { askDecision, beginDevice, decide, deviceLogin, devicePage } from "./device.ts";
import { metadata } from "./discovery.ts";
import { askKey, beginEnrolment, enrol } from "./enrol-passkey.ts";
import { errorAnswer, OAuthError, oauthError } from "./error.ts";
import { type CameBack, drawSecret, Logins } from "./logins.ts";
import { OwnLogin, type Step } from "./own-login.ts";
import { html, page } from "./page.ts";
import { Pending } from "./pending.ts";
import { People } from "./people.ts";
import { RelyingParty } from "./relying-party.ts";
import type { Asked, Away, Enrolling, Entering, Granted, Shown, Waiting } from "./states.ts";
import { tokenEndpoint } from "./token-endpoint.ts";

/** A person takes a while at a provider; a command exchanges its code at once. Milliseconds. */
const personMs = 10 * 60_000;
const codeMs = 60_000;

export interface OAuthParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  readonly sealing: Sealing;
  readonly issuers: Issuers;
  readonly fetch: OutsideFetch;
  readonly life: SessionLife;
  readonly login: Login;
  readonly factors: Factors;
  readonly limiter: Attempts;
  readonly exchange: Exchange;
  readonly resources: ResourceCalls;
  readonly endpoint: () => string;
  readonly own: readonly string[];
}

type Answer = (request: WebRequest) => Promise<WebAnswer>;
/** "GET /oauth2/authorize" */
type Routes = Readonly<Record<string, Answer>>;

export function createOAuth(parts: OAuthParts): WebHandler {
  const pages = pagesOf(parts);
  const callback = /^\/oauth2\/callback\/([a-z0-9-]{1,63})\/([a-z0-9-]{1,63})$/;
  return (request) => {
    const { pathname } = request.url;
    const method = request.method === "HEAD" ? "GET" : request.method;
    const [, org = "", provider = ""] = callback.exec(pathname) ?? [];
    if (org !== "" && method === "GET") return shown(pages.callback(org, provider), request);
    const answer = pages.json[`${method} ${pathname}`];
    if (answer !== undefined) return told(answer, request);
    const show = pages.html[`${method} ${pathname}`];
    return show && shown(show, request);
  };
}

function pagesOf(parts: OAuthParts) {
  const { store, clock, random, endpoint, limiter, life, exchange } = parts;
  const kept = { records: store.records, sealing: parts.sealing, clock };
  const codes = new Pending<Granted>(kept, "code", codeMs);
  const relyingParty = new RelyingParty(parts);
  const away = new Pending<Away>(kept, "away", personMs);
  const begun = createBeginBudget(clock);
  const people = new People(parts);
  const own = new OwnLogin({
    login: parts.login,
    factors: parts.factors,
    endpoint,
    secret: () => drawSecret(random),
    entering: new Pending<Entering>(kept, "entering", personMs),
  });
  const logins = new Logins({ store, clock, random, endpoint, relyingParty, away, people, own, begun });
  const device = {
    logins,
    relyingParty,
    limiter,
    clock,
    random,
    endpoint,
    begun,
    waiting: new Pending<Waiting>(kept, "device", personMs),
    shown: new Pending<Shown>(kept, "user-code", personMs),
    asked: new Pending<Asked>(kept, "ticket", personMs),
  };
  const keys = {
    store,
    factors: parts.factors,
    logins,
    enrolling: new Pending<Enrolling>(kept, "enrolling", personMs),
  };
  const loopback = { logins, codes, endpoint };
  const token = { store, clock, life, exchange, codes, device, own: () => [...parts.own, endpoint()] };
  const discovery: Answer = async () => jsonAnswer(200, metadata(endpoint()), { "cache-control": "max-age=300" });
  const json: Routes = {
    "GET /.well-known/openid-configuration": discovery,
    "GET /.well-known/oauth-authorization-server": discovery,
    "POST /oauth2/token": (request) => tokenEndpoint(token, formOf(request), request),
    "POST /oauth2/device_authorization": (request) => beginDevice(device, formOf(request), request),
  };
  const htmlPages: Routes = {
    "GET /oauth2/authorize": (request) => authorize(loopback, request),
    "GET /oauth2/device": (request) => devicePage(device, request),
    "GET /oauth2/device/login": (request) => deviceLogin(device, request),
    "POST /oauth2/device/decision": (request) => decide(device, formOf(request), request),
    "POST /oauth2/login": async (request) => stepped(await own.enter(formOf(request), request)),
    "GET /oauth2/passkey": (request) => beginEnrolment(keys, request),
    "POST /oauth2/passkey": (request) => enrol(keys, formOf(request), request),
    "POST /oauth2/login/factor": async (request) => stepped(await own.prove(formOf(request), request)),
  };
  const back = (org: string, provider: string) => async (request: WebRequest) =>
    arrived(await logins.receive(org, provider, request));
  return { json, html: htmlPages, callback: back };

  function stepped(step: Step): Promise<WebAnswer> | WebAnswer {
    return "page" in step ? step.page : arrived(step.came);
  }

  function arrived(came: CameBack): Promise<WebAnswer> {
    const { purpose } = came;
    switch (purpose.for) {
      case "loopback":
        return grantCode(loopback, came, purpose);
      case "device":
        return askDecision(device, came, purpose.userCode);
      case "passkey":
        return askKey(keys, came, purpose.name);
    }
  }
}

/** @throws OAuthError for another type of content (RFC 6749, appendix B). */
function formOf({ headers, body }: WebRequest): URLSearchParams {
  const [type = ""] = (headers["content-type"] ?? "").split(";", 1);
  if (type.trim().toLowerCase() === "application/x-www-form-urlencoded") return new URLSearchParams(body);
  throw new OAuthError("invalid_request", "the body must be application/x-www-form-urlencoded");
}

async function told(answer: Answer, request: WebRequest): Promise<WebAnswer> {
  try {
    return await answer(request);
  } catch (error) {
    const known = oauthError(error);
    if (known === undefined) throw error;
    return errorAnswer(known);
  }
}

async function shown(answer: Answer, request: WebRequest): Promise<WebAnswer> {
  try {
    return await answer(request);
  } catch (error) {
    const known = oauthError(error);
    if (known === undefined) throw error;
    const status = known.code === "temporarily_unavailable" ? 503 : known.code === "access_denied" ? 403 : 400;
    return page(status, "The login did not work", html`<p>${known.message}</p>`);
  }
}
