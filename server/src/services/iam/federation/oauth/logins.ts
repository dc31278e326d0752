// Logins by an identity provider, from a browser's first request to the proof of who is in front of it.
import { timingSafeEqual } from "node:crypto";
import type { Clock } from "../../../../clock.ts";
import type { Store } from "../../../../store/store.ts";
import type { WebAnswer, WebRequest } from "../../../web.ts";
import { noteFailedLogin } from "../../tokens/failed-login.ts";
import { OAuthError } from "./error.ts";
import { groupsOf } from "./groups.ts";
import { isBoundOutside } from "./outside-roles.ts";
import { redirect } from "./page.ts";
import { hashOf, type Pending } from "./pending.ts";
import type { People } from "./people.ts";
import type { RelyingParty } from "./relying-party.ts";
import type { Away, Proved, Purpose } from "./states.ts";

/** 256 bits. */
const secretBytes = 32;

export interface LoginsParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  readonly endpoint: () => string;
  readonly relyingParty: RelyingParty;
  readonly people: People;
  readonly away: Pending<Away>;
  /** Counts a login that begins. @throws OAuthError when one place begins too many. */
  begun(sourceIp: string): void;
}

/** Who came back, why they had gone, and what their browser is known by. */
export interface CameBack {
  readonly proved: Proved;
  readonly purpose: Purpose;
  readonly browser: string;
}

export class Logins {
  readonly #parts: LoginsParts;

  constructor(parts: LoginsParts) {
    this.#parts = parts;
  }

  secret(): string {
    return Buffer.from(this.#parts.random(secretBytes)).toString("base64url");
  }

  /** Sends a browser to the provider. It must come back itself: a cookie that it is given ties the two requests together. */
  async send(org: string, provider: string, purpose: Purpose, { sourceIp }: WebRequest): Promise<WebAnswer> {
    const { relyingParty, away, begun } = this.#parts;
    begun(sourceIp);
    const found = await relyingParty.find(org, provider);
    const secrets = { state: this.secret(), nonce: this.secret(), verifier: this.secret() };
    const url = await relyingParty.begin(found, secrets);
    const browser = this.secret();
    const { nonce, verifier } = secrets;
    await away.add(secrets.state, { org, provider, nonce, verifier, browser: hashOf(browser), purpose });
    return redirect(url.href, { "set-cookie": this.#cookie(secrets.state, browser) });
  }

  /** @throws OAuthError where the request is not that of a login that this browser began at this provider. */
  async receive(org: string, provider: string, request: WebRequest): Promise<CameBack> {
    const state = request.url.searchParams.get("state") ?? "";
    const kept = await this.#parts.away.get(state);
    const browser = kept && this.browserOf(request, cookieName(state));
    // Not taken yet: who has only the state must not be able to end somebody else's login.
    if (kept === undefined || browser === undefined || !isSame(hashOf(browser), kept.value.browser)) throw strange();
    if (kept.value.org !== org || kept.value.provider !== provider) throw strange();
    const taken = await this.#parts.away.take(state);
    if (taken === undefined) throw strange();
    const proved = await this.#prove(taken, state, request);
    return { proved, purpose: taken.purpose, browser: taken.browser };
  }

  async #prove(away: Away, state: string, request: WebRequest): Promise<Proved> {
    const { relyingParty, people, store, clock } = this.#parts;
    const { org, nonce, verifier } = away;
    const caller = { ...request, principal: undefined, method: "oauth2/callback" };
    const provider = await relyingParty.find(org, away.provider);
    try {
      const claims = await relyingParty.finish(provider, request.url.search, { state, nonce, verifier });
      const groups = groupsOf(org, provider.message, claims);
      const userId = await people.find(org, provider.message, claims, caller);
      const ids = groups.map((name) => name.slice(name.indexOf("/") + 1));
      if (await isBoundOutside(store, { kind: "user", org, id: userId }, ids))
        throw new OAuthError("access_denied", "the user has roles outside the org, and logs in with a password");
      const hasMfa = Array.isArray(claims.amr) && claims.amr.includes("mfa");
      return { org, userId, groups, through: provider.key, ...(hasMfa && { mfaAt: clock.now() }) };
    } catch (error) {
      if (error instanceof OAuthError) await noteFailedLogin(store, { kind: "user", org, id: "" }, caller, "oidc");
      throw error;
    }
  }

  /** What a browser is known by in a login; undefined: nothing. */
  browserOf({ headers }: WebRequest, name: string): string | undefined {
    const cookies = (headers.cookie ?? "").split(";").map((part) => part.trim());
    return cookies.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);
  }

  /** Host-bound under TLS; Lax, since the provider sends the browser back from another site. */
  #cookie(state: string, browser: string): string {
    const secure = this.#parts.endpoint().startsWith("https:") ? "; Secure" : "";
    const seconds = Math.floor(this.#parts.away.lifeMs / 1000);
    return `${cookieName(state)}=${browser}; Path=/oauth2; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`;
  }
}

/** Each login has a cookie of its own, so that two in one browser don't disturb each other. */
export function cookieName(state: string): string {
  return `photon-login-${hashOf(state).slice(0, 12)}`;
}

export function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function strange(): OAuthError {
  return new OAuthError(
    "invalid_request",
    "this is not the answer to a login that this browser began here, or it came too late; begin again",
  );
}
