// Keeps the bearer token: fetched once for all who wait, renewed ahead of its end.
import { PhotonError } from "./errors.ts";
import type { Credentials, GivenToken } from "./options.ts";
import type { Timing } from "./timing.ts";

/** A token is renewed when less than this part of its life is left … */
const renewalPart = 0.2;
/** … but never earlier than this before its end, in milliseconds. */
const renewalAtMostMs = 60_000;

interface Held {
  readonly token: string;
  /** Milliseconds since 1970; Infinity where it is not known. */
  readonly endsAt: number;
  readonly renewAt: number;
}

/** A fetch that is under way. */
interface Fetch {
  readonly held: Promise<Held>;
  /** Nobody waits for it any more. */
  readonly stop: AbortController;
  waiting: number;
}

/** Logs in with a principal's credential. It may go on although the signal aborts: what comes of it is kept. */
export type Login = (
  credentials: Extract<Credentials, { principalId: string }>,
  signal: AbortSignal,
) => Promise<GivenToken>;

/** The `exp` claim of a JWT in milliseconds since 1970 (RFC 7519, section 4.1.4), unverified; Infinity where there is none. */
export function expiryOf(token: string): number {
  try {
    const payload = token.split(".")[1] ?? "";
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    const expiry = typeof claims === "object" && claims !== null && "exp" in claims ? claims.exp : undefined;
    return typeof expiry === "number" ? expiry * 1000 : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Where calls get their token from. */
export class TokenSource {
  readonly #credentials: Credentials;
  readonly #login: Login;
  readonly #timing: Timing;
  readonly #met: () => PhotonError | undefined;
  #held: Held | undefined;
  #refused: string | undefined;
  #fetching: Fetch | undefined;

  /** @param met What is in the way of the login that is under way. */
  constructor(credentials: Credentials, login: Login, timing: Timing, met: () => PhotonError | undefined) {
    this.#credentials = credentials;
    this.#login = login;
    this.#timing = timing;
    this.#met = met;
  }

  /** A token that is good as far as is known. @throws PhotonError when there is none to be had. */
  async token(signal: AbortSignal): Promise<string> {
    const now = this.#timing.now();
    const held = this.#held;
    if (held === undefined || now >= held.endsAt) return (await this.#fetch(signal)).token;
    // The old token is still good: whoever asks after its end hears of a failure to renew it.
    if (now >= held.renewAt) this.#fetch(signal).catch(() => undefined);
    return held.token;
  }

  /** Tells that the cloud refused a token. Answers whether another one can be had. */
  refuse(token: string): boolean {
    if (this.#held?.token === token) this.#held = undefined;
    this.#refused = token;
    return typeof this.#credentials === "function" || "principalId" in this.#credentials;
  }

  /** One fetch at a time, for all who wait: it is not tied to the first one's signal, but ends when nobody waits any more. */
  async #fetch(signal: AbortSignal): Promise<Held> {
    this.#fetching ??= this.#begin();
    const fetch = this.#fetching;
    fetch.waiting++;
    return await stoppable(fetch.held, signal, this.#met).catch((error: unknown) => {
      if (--fetch.waiting === 0) this.#forget(fetch).stop.abort(error);
      throw error;
    });
  }

  #begin(): Fetch {
    const stop = new AbortController();
    const fetch = { held: this.#renew(stop.signal), stop, waiting: 0 };
    fetch.held.catch(() => undefined).finally(() => this.#forget(fetch));
    return fetch;
  }

  #forget(fetch: Fetch): Fetch {
    if (this.#fetching === fetch) this.#fetching = undefined;
    return fetch;
  }

  async #renew(signal: AbortSignal): Promise<Held> {
    const given = await this.#given(signal);
    const now = this.#timing.now();
    const endsAt = given.expireTime?.getTime() ?? expiryOf(given.token);
    const aheadMs = Math.min(renewalAtMostMs, (endsAt - now) * renewalPart);
    this.#held = { token: given.token, endsAt, renewAt: endsAt - aheadMs };
    return this.#held;
  }

  async #given(signal: AbortSignal): Promise<GivenToken> {
    const credentials = this.#credentials;
    if (typeof credentials === "function") {
      const given = await credentials({ refused: this.#refused });
      return typeof given === "string" ? { token: given } : given;
    }
    if ("token" in credentials) return { token: credentials.token, expireTime: new Date(8.64e15) };
    return await this.#login(credentials, signal);
  }
}

/** Waits for a promise until the signal aborts; the work behind it goes on. `met`: what is in its way. */
function stoppable<T>(promise: Promise<T>, signal: AbortSignal, met: () => PhotonError | undefined): Promise<T> {
  const stopped = () => {
    const [why, cause] = [met()?.message, signal.reason];
    return new PhotonError("canceled", `no token came${why === undefined ? "" : `: ${why}`}`, { cause });
  };
  if (signal.aborted) return Promise.reject(stopped());
  return new Promise((resolve, reject) => {
    const stop = () => reject(stopped());
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
