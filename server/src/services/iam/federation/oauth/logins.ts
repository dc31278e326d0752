// Logins in a browser, from its first request to the proof of who is in front of it: by an identity provider, or on the cloud's own pages.
import type { Clock } from "../../../../clock.ts";
import type { Store } from "../../../../store/store.ts";
import type { WebAnswer, WebRequest } from "../../../web.ts";
import { noteFailedLogin } from "../../tokens/failed-login.ts";
import { cookieOf, isFrom } from "./browser-cookie.ts";
import { OAuthError } from "./error.ts";
import { groupsOf } from "./groups.ts";
import { isBoundOutside } from "./outside-roles.ts";
import type { OwnLogin } from "./own-login.ts";
import { redirect } from "./page.ts";
import { hashOf, type Pending } from "./pending.ts";
import type { People } from "./people.ts";
import type { RelyingParty } from "./relying-party.ts";
import type { Away, Proved, Purpose } from "./states.ts";

/** 256 bits. */
const secretBytes = 32;
const longestId = 128;

export interface LoginsParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  readonly endpoint: () => string;
  readonly relyingParty: RelyingParty;
  readonly people: People;
  readonly away: Pending<Away>;
  readonly own: OwnLogin;
  /** Counts a login that begins. @throws OAuthError when one place begins too many. */
  begun(sourceIp: string): void;
}

/** Where somebody wants to log in. */
export interface Door {
  readonly org: string;
  /** "": none, but a password of the cloud's own. */
  readonly provider: string;
  /** Who it will be, as the command says; "" where it does not. */
  readonly user: string;
}

/** Who came back, why they had gone, and what their browser is known by. */
export interface CameBack {
  readonly proved: Proved;
  readonly purpose: Purpose;
  readonly browser: string;
}

/** What no one guesses. */
export function drawSecret(random: (bytes: number) => Uint8Array): string {
  return Buffer.from(random(secretBytes)).toString("base64url");
}

export class Logins {
  readonly #parts: LoginsParts;

  constructor(parts: LoginsParts) {
    this.#parts = parts;
  }

  secret(): string {
    return drawSecret(this.#parts.random);
  }

  /** Shows the cloud's own page, or sends a browser to the provider. It must come back itself: a cookie that it is given ties the requests together. */
  async send({ org, provider, user }: Door, purpose: Purpose, { sourceIp }: WebRequest): Promise<WebAnswer> {
    const { relyingParty, away, begun, own, endpoint } = this.#parts;
    if (org === "" || org.length > longestId) throw new OAuthError("invalid_request", "org_id is missing or too long");
    begun(sourceIp);
    if (provider === "") return own.begin(org, user, purpose);
    const found = await relyingParty.find(org, provider);
    const secrets = { state: this.secret(), nonce: this.secret(), verifier: this.secret() };
    const url = await relyingParty.begin(found, secrets);
    const browser = this.secret();
    const { nonce, verifier } = secrets;
    await away.add(secrets.state, { org, provider, nonce, verifier, browser: hashOf(browser), purpose });
    const cookie = cookieOf(secrets.state, browser, { endpoint: endpoint(), lifeMs: away.lifeMs });
    return redirect(url.href, { "set-cookie": cookie });
  }

  /** @throws OAuthError where the request is not that of a login that this browser began at this provider. */
  async receive(org: string, provider: string, request: WebRequest): Promise<CameBack> {
    const state = request.url.searchParams.get("state") ?? "";
    const kept = await this.#parts.away.get(state);
    // Not taken yet: who has only the state must not be able to end somebody else's login.
    if (kept === undefined || !isFrom(request, state, kept.value.browser)) throw strange();
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
      const credential = { method: "oidc", through: provider.key } as const;
      return { org, userId, groups, credential, ...(hasMfa && { mfaAt: clock.now() }) };
    } catch (error) {
      if (error instanceof OAuthError) await noteFailedLogin(store, { kind: "user", org, id: "" }, caller, "oidc");
      throw error;
    }
  }
}

function strange(): OAuthError {
  return new OAuthError(
    "invalid_request",
    "this is not the answer to a login that this browser began here, or it came too late; begin again",
  );
}
