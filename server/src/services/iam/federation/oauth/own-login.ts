// Logins by a password of the cloud's own in a browser, where passkeys work: the password, then the second factor, each on a page of its own.
import { Fault } from "../../../../fault.ts";
import type { WebAnswer, WebRequest } from "../../../web.ts";
import type { Factors } from "../../account/factors.ts";
import type { Entered, LoggedIn, Login } from "../../tokens/login.ts";
import { single } from "./authorize.ts";
import { cookieOf, isFrom } from "./browser-cookie.ts";
import { OAuthError } from "./error.ts";
import type { CameBack } from "./logins.ts";
import { type Entry, factorPage, type Problem, passwordPage } from "./own-pages.ts";
import { hashOf, type Pending } from "./pending.ts";
import type { Entering, Proved, Purpose } from "./states.ts";

export interface OwnLoginParts {
  readonly login: Login;
  readonly factors: Factors;
  readonly entering: Pending<Entering>;
  readonly secret: () => string;
  readonly endpoint: () => string;
}

/** Who is proved, or the page that asks for more. */
export type Step = { readonly came: CameBack } | { readonly page: WebAnswer };

interface Kept {
  readonly ticket: string;
  readonly value: Entering;
  readonly version: number;
}

export class OwnLogin {
  readonly #parts: OwnLoginParts;

  constructor(parts: OwnLoginParts) {
    this.#parts = parts;
  }

  /** The first page. An org that is not there is told apart from others by nobody. @param user Who it is, as the command says. */
  async begin(org: string, user: string, purpose: Purpose): Promise<WebAnswer> {
    const { entering, secret, endpoint } = this.#parts;
    const [ticket, browser] = [secret(), secret()];
    await entering.add(ticket, { org, browser: hashOf(browser), purpose });
    const cookie = cookieOf(ticket, browser, { endpoint: endpoint(), lifeMs: entering.lifeMs });
    return passwordPage({ ticket, org, user }, { "set-cookie": cookie });
  }

  /** POST /oauth2/login: the password. */
  async enter(form: URLSearchParams, request: WebRequest): Promise<Step> {
    const kept = await this.#kept(form, request);
    const { org } = kept.value;
    const entry = { ticket: kept.ticket, org, user: single(form, "user") };
    const given = { orgId: org, principalId: entry.user, password: single(form, "password") };
    const entered = await tried(() => this.#parts.login.enter(given, callerOf(request)));
    if ("problem" in entered) return { page: passwordPage(entry, {}, entered.problem) };
    if (!entered.done.half)
      return this.#done(kept, await this.#parts.login.complete(entered.done, undefined, callerOf(request)));
    await this.#keep(kept, entered.done);
    return this.#askFactor(entry, entered.done);
  }

  /** POST /oauth2/login/factor: a code, or what a passkey answered. */
  async prove(form: URLSearchParams, request: WebRequest): Promise<Step> {
    const kept = await this.#kept(form, request);
    const { entered, org } = kept.value;
    if (entered === undefined) throw strange();
    const proof = { code: single(form, "code"), assertion: single(form, "answer") };
    const proved = await tried(() => this.#parts.login.complete(entered, proof, callerOf(request)));
    if (!("problem" in proved)) return this.#done(kept, proved.done);
    return this.#askFactor({ ticket: kept.ticket, org, user: entered.owner.identity.id }, entered, proved.problem);
  }

  async #askFactor(entry: Entry, { owner }: Entered, problem?: Problem): Promise<Step> {
    return { page: factorPage(entry, await this.#parts.factors.challenge(owner), problem) };
  }

  /** @throws OAuthError where the login was not begun in this browser. */
  async #kept(form: URLSearchParams, request: WebRequest): Promise<Kept> {
    const ticket = single(form, "ticket");
    const found = await this.#parts.entering.get(ticket);
    if (found === undefined || !isFrom(request, ticket, found.value.browser)) throw strange();
    return { ticket, ...found };
  }

  async #keep({ ticket, value, version }: Kept, entered: Entered): Promise<void> {
    if (!(await this.#parts.entering.change(ticket, { ...value, entered }, version))) throw strange();
  }

  async #done({ ticket, value }: Kept, logged: LoggedIn): Promise<Step> {
    const taken = await this.#parts.entering.take(ticket);
    if (taken === undefined) throw strange();
    return { came: { proved: provedBy(logged), purpose: value.purpose, browser: value.browser } };
  }
}

function provedBy({ identity, credential, mfaAt, limits }: LoggedIn): Proved {
  const more = { ...(mfaAt !== undefined && { mfaAt }), ...(limits && { limits }) };
  return { org: identity.org, userId: identity.id, groups: [], credential, ...more };
}

function callerOf({ sourceIp, requestId }: WebRequest) {
  return { principal: undefined, sourceIp, requestId, method: "oauth2/login" };
}

/** What a person can mend is shown on the page that they were on. */
const shown: Partial<Record<Fault["reason"], number>> = {
  BAD_CREDENTIALS: 403,
  INVALID_FIELDS: 400,
  TOO_MANY_REQUESTS: 429,
};

async function tried<T>(work: () => Promise<T>): Promise<{ readonly done: T } | { readonly problem: Problem }> {
  try {
    return { done: await work() };
  } catch (error) {
    const status = error instanceof Fault ? shown[error.reason] : undefined;
    if (!(error instanceof Fault) || status === undefined) throw error;
    return { problem: { status, message: error.message } };
  }
}

function strange(): OAuthError {
  return new OAuthError(
    "invalid_request",
    "this login was not begun in this browser, is over, or took too long; begin again",
  );
}
