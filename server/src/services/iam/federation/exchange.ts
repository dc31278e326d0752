// Exchanges a token of another issuer for one of ours (RFC 8693): for service accounts that trust the issuer, the subject and the audience.
import { createHash } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import {
  type FederatedCredential,
  FederatedCredentialSchema,
} from "@photoncloud/proto/gen/iam/v1/federated_credential_pb";
import { decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify } from "jose";
import type { Clock } from "../../../clock.ts";
import { Fault } from "../../../fault.ts";
import type { ResourceKey, Store } from "../../../store/store.ts";
import type { Caller } from "../../kind.ts";
import { keyOf } from "../../resources/work.ts";
import { type Identity, principalName } from "../principal-name.ts";
import { principalKey, principalState } from "../principals.ts";
import { referringRows } from "../referring-rows.ts";
import { noteFailedLogin } from "../tokens/failed-login.ts";
import type { SessionLife, Tokens } from "../tokens/session-life.ts";
import type { Attempts } from "./attempts.ts";
import type { Issuers } from "./issuers.ts";
import { refuseLongIds, refuseUnknownProject } from "./projects.ts";
import { asymmetric } from "./signatures.ts";
import { fits } from "./wildcard.ts";

export const tokenTypes = {
  accessToken: "urn:ietf:params:oauth:token-type:access_token",
  idToken: "urn:ietf:params:oauth:token-type:id_token",
  jwt: "urn:ietf:params:oauth:token-type:jwt",
} as const;

/** Platforms' identity tokens have 1 to 3 KiB. */
const longestToken = 16_384;
/** Clocks differ by so much. Seconds. */
const toleranceSeconds = 30;
/** A credential's last use is told to about this. */
const lastUsedMs = 60_000;
const usedSpace = "iam/exchanged";

export interface ExchangeRequest {
  readonly org: string;
  readonly principalId: string;
  readonly project: string;
  readonly subjectToken: string;
  /** "" for a JWT. */
  readonly subjectTokenType: string;
}

export interface ExchangeParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly issuers: Issuers;
  readonly life: SessionLife;
  readonly limiter: Attempts;
}

interface Trust {
  readonly key: ResourceKey;
  readonly credential: FederatedCredential;
}

export class Exchange {
  readonly #parts: ExchangeParts;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
  }

  /** @throws Fault BAD_CREDENTIALS in the same words whatever does not fit, TOO_MANY_REQUESTS, BACKEND_UNAVAILABLE (the issuer), INVALID_FIELDS (no such project). */
  async exchange(request: ExchangeRequest, caller: Caller): Promise<Tokens> {
    const { store, limiter, life } = this.#parts;
    const { org, principalId, project } = request;
    refuseLongIds({ org_id: org, principal_id: principalId, project_id: project });
    const identity: Identity = { kind: "service_account", org, id: principalId };
    const check = () => this.#check(identity, request);
    const trust = await limiter.attempt(caller, principalName(identity), check);
    if (trust === undefined) {
      await noteFailedLogin(store, identity, caller, "exchange");
      throw badToken();
    }
    await refuseUnknownProject(store, org, project);
    await this.#noteUse(trust.key);
    return life.begin({ identity, project, credential: { method: "exchange", through: trust.key } }, caller);
  }

  /** The trust that a good token fits. Nobody is asked about a token that fits none. */
  async #check(identity: Identity, { subjectToken, subjectTokenType }: ExchangeRequest): Promise<Trust | undefined> {
    const claimed = unverified(subjectToken, subjectTokenType);
    const trusts = (await this.#trustsOf(identity)).filter(({ credential }) => claimed && isFor(credential, claimed));
    for (const trust of trusts) {
      const payload = await this.#verify(subjectToken, trust.credential);
      if (payload === undefined || !isFor(trust.credential, payload)) continue;
      return (await this.#isFirstUse(trust.credential, payload)) ? trust : undefined;
    }
    return undefined;
  }

  async #trustsOf(identity: Identity): Promise<readonly Trust[]> {
    const { store } = this.#parts;
    const account = await store.get(principalKey(identity));
    const rows = await referringRows(store, identity, FederatedCredentialSchema.typeName);
    if (account === undefined || !principalState("service_account", account).active) return [];
    return rows.flatMap((row) => {
      if (row.phase !== "live") return [];
      const credential = fromBinary(FederatedCredentialSchema, row.data);
      return credential.serviceAccountId === identity.id ? [{ key: keyOf(row), credential }] : [];
    });
  }

  /** Signature, issuer, audience and times (RFC 7519, section 4.1; RFC 8725). */
  async #verify(token: string, { issuer, audience }: FederatedCredential): Promise<JWTPayload | undefined> {
    const { keys } = await this.#parts.issuers.get(issuer);
    const options = {
      issuer,
      audience,
      algorithms: [...asymmetric],
      clockTolerance: toleranceSeconds,
      currentDate: new Date(this.#parts.clock.now()),
      requiredClaims: ["iss", "sub", "aud", "exp"],
    };
    try {
      return (await jwtVerify(token, keys, options)).payload;
    } catch (error) {
      if (error instanceof Fault) throw error;
      return undefined;
    }
  }

  /** A token with an id is taken once, unless its credential says otherwise. */
  async #isFirstUse({ allowReuse, issuer }: FederatedCredential, { jti, exp = 0 }: JWTPayload): Promise<boolean> {
    if (jti === undefined || allowReuse === true) return true;
    const key = createHash("sha256").update(`${issuer} ${jti}`).digest("base64url");
    const expiresAt = (exp + toleranceSeconds) * 1000;
    return this.#parts.store.records.put(usedSpace, key, new Uint8Array(), { expected: 0, expiresAt });
  }

  async #noteUse(key: ResourceKey): Promise<void> {
    await this.#parts.store.transact(async (tx) => {
      const row = await tx.get(key);
      if (row?.phase !== "live") return;
      const { lastUsedTime: last } = fromBinary(FederatedCredentialSchema, row.observed);
      if (last !== undefined && tx.now - timestampMs(last) < lastUsedMs) return;
      const lastUsedTime = timestampFromMs(tx.now);
      tx.observe(key, toBinary(FederatedCredentialSchema, create(FederatedCredentialSchema, { lastUsedTime })));
    });
  }
}

/** What a token says before anything of it is checked; undefined where it is none that could be taken. */
function unverified(token: string, type: string): JWTPayload | undefined {
  if (token.length > longestToken) return undefined;
  try {
    const { alg = "", typ = "" } = decodeProtectedHeader(token);
    // An access token is no ID token (RFC 9068, section 2.1).
    if (type === tokenTypes.idToken && typ.toLowerCase().endsWith("at+jwt")) return undefined;
    return asymmetric.has(alg) ? decodeJwt(token) : undefined;
  } catch {
    return undefined;
  }
}

function isFor(credential: FederatedCredential, payload: JWTPayload): boolean {
  const audiences = typeof payload.aud === "string" ? [payload.aud] : (payload.aud ?? []);
  return (
    payload.iss === credential.issuer &&
    typeof payload.sub === "string" &&
    fits(credential.subject, payload.sub) &&
    audiences.includes(credential.audience) &&
    Object.entries(credential.claims).every(([name, value]) => textOf(payload[name]) === value)
  );
}

/** Numbers and truth values are compared as JSON writes them. */
function textOf(claim: unknown): string | undefined {
  if (typeof claim === "string") return claim;
  return typeof claim === "number" || typeof claim === "boolean" ? String(claim) : undefined;
}

function badToken(): Fault {
  return new Fault(
    "BAD_CREDENTIALS",
    "the token is not good, was used before, or fits no federated credential of that service account: compare its iss, sub and aud with the credential's",
  );
}
