// What the client and its calls can be told.
import type { CreateAxiosDefaults } from "axios";
import type { Timing } from "./timing.ts";

/** What a function of the caller's own answers: a token, and when it ends (default: its `exp` claim). */
export interface GivenToken {
  readonly token: string;
  readonly expireTime?: Date | undefined;
}

/** What a function that gives tokens is told. */
export interface TokenRequest {
  /** A token of this function's that the cloud refused; give another one. */
  readonly refused: string | undefined;
}

/**
 * How the client proves who it is.
 *
 * - `{ token }`: a bearer token; it is not renewed.
 * - `{ principalId, password }`: a user. `{ principalId, keySecret }`: a service account. Tokens are fetched and renewed ahead of their end.
 *   `orgId` is the org that the principal belongs to; default: the client's org. `secondFactor` is asked for a code at each login of a user who has
 *   a second factor; without it, and where there is none, the login fails with the reason SECOND_FACTOR_REQUIRED.
 * - `{ principalId, identityToken }`: a service account that trusts another issuer (a federated credential). The function gives a token of that
 *   issuer; it is asked each time that a new token of the cloud is needed, every 15 minutes.
 * - A function: asked for a token when there is none, before it ends, and when the cloud refused it.
 */
export type Credentials =
  | { readonly token: string }
  | {
      readonly principalId: string;
      readonly password: string;
      readonly secondFactor?: (() => Promise<string>) | undefined;
      readonly orgId?: string | undefined;
    }
  | { readonly principalId: string; readonly keySecret: string; readonly orgId?: string | undefined }
  | {
      readonly principalId: string;
      readonly identityToken: () => Promise<string>;
      readonly orgId?: string | undefined;
    }
  | ((request: TokenRequest) => Promise<string | GivenToken>);

/** What `new PhotonCloud` takes. */
export interface PhotonCloudOptions {
  /** The server's address: "https://cloud.example:50080". */
  readonly endpoint: string;
  /** Left out: calls go without a token; only those open to anyone work. */
  readonly credentials?: Credentials | undefined;
  /** The org of every call that names none. */
  readonly org?: string | undefined;
  /** The project of every call that names none. */
  readonly project?: string | undefined;
  /** How long one call may take, over all its attempts, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** How often a call that failed for the moment is tried again. Default 4; 0: never. */
  readonly retries?: number | undefined;
  /** Certificates, in PEM, to trust in addition to none other: the server's own authority. */
  readonly ca?: string | undefined;
  /** Goes before the SDK's own name in the User-Agent header: "my-app/1.2". */
  readonly userAgent?: string | undefined;
  /** More options of axios: proxy, httpsAgent, headers, adapter. */
  readonly http?: CreateAxiosDefaults | undefined;
  /** Clock and chance, for tests. */
  readonly timing?: Timing | undefined;
}

/**
 * How far a mutation has come. "accepted": it is stored, and nothing of it gets lost. "settled": the backends have taken it, or it failed.
 * "programmed": it is ready, and every live host that it concerns works by it.
 */
export type Receipt = "accepted" | "settled" | "programmed";

/** What every call takes. */
export interface CallOptions {
  /** Stops the call; it then fails with code "canceled". */
  readonly signal?: AbortSignal | undefined;
  /** In place of the client's, in milliseconds; `waitMs` comes on top. */
  readonly timeoutMs?: number | undefined;
  /** In place of the client's org; "" for the whole system. */
  readonly org?: string | undefined;
  /** In place of the client's project; "" for the whole org. */
  readonly project?: string | undefined;
  /** The same key gives the same answer for 24 hours. Default: a new one for each call, kept over its retries. */
  readonly idempotencyKey?: string | undefined;
  /** How long a mutation's answer, or that of the get of one resource, may be held back, in milliseconds. Default 0, or with `wait` 30,000, which is the most that the cloud does. */
  readonly waitMs?: number | undefined;
  /** Until when it is held back. Default "settled". */
  readonly wait?: Receipt | undefined;
  /** Lets an update destroy data that nothing brings back (a disk that is taken away). Default: it is refused (failed_precondition, DATA_LOSS). */
  readonly allowDataLoss?: boolean | undefined;
  /** Told once how far the mutation had come when it was answered: where time ran out, less far than `wait` says. */
  readonly onReceipt?: ((receipt: Receipt) => void) | undefined;
}
