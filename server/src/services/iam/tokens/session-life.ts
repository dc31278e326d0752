// How sessions begin, go on and end.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { ServiceAccountKeySchema } from "@photoncloud/proto/gen/iam/v1/service_account_key_pb";
import type { Clock } from "../../../clock.ts";
import { Fault } from "../../../fault.ts";
import type { EventType, NewEvent, ResourceKey, ResourceRow, Store, Tx } from "../../../store/store.ts";
import type { Caller, Principal, TokenLimit } from "../../kind.ts";
import { authorOf } from "../../resources/work.ts";
import { type Identity, parsePrincipalName, principalName } from "../principal-name.ts";
import { principalKey, principalState } from "../principals.ts";
import { type AccessTokens, accessTokenMs, unauthenticated } from "./access-token.ts";
import { formatRefreshToken, parseRefreshToken, refreshBytes, refreshHash } from "./refresh-token.ts";
import {
  ancestorsOf,
  type Credential,
  credentialText,
  isWithin,
  type KeptSession,
  type SessionRecord,
} from "./session-record.ts";
import type { Sessions } from "./sessions.ts";

/** The kind that a session's events carry; it is none of the catalog's, since sessions are no resources. */
export const sessionKind = "iam.v1.Session";

const hour = 3_600_000;
/** How long a session may rest before its refresh token is worthless, and how long it lasts in all, by how it began. */
const lives: Record<Credential["method"], { readonly restMs: number; readonly lastMs: number }> = {
  password: { restMs: 7 * 24 * hour, lastMs: 30 * 24 * hour },
  key: { restMs: 24 * hour, lastMs: 24 * hour },
  issued: { restMs: hour, lastMs: hour },
  oidc: { restMs: 24 * hour, lastMs: 7 * 24 * hour },
  exchange: { restMs: accessTokenMs, lastMs: accessTokenMs },
  break_glass: { restMs: hour, lastMs: hour },
};
/** Narrowed tokens that one session may have at a time, and how deep they may be narrowed. */
const mostNarrowed = 50;
const deepest = 4;
/** Where a session must end for a new one, this part of all that are allowed goes with it. */
const spare = 10;
/** How long a count of sessions is believed, and of how many principals. */
const countedMs = 60_000;
const mostCounted = 10_000;
/** A narrowed token's life at most: as long as a signing key is published after it has signed. */
const longestNarrowedMs = hour;
/** Old refresh tokens that are recognized when they come back; a day of refreshing each quarter of an hour. */
const mostUsed = 100;
/** A key's last use is told to about this. */
const lastUsedMs = 60_000;

/** What a login or a refresh answers. Times in milliseconds since 1970. */
export interface Tokens {
  readonly token: string;
  readonly expiresAt: number;
  /** "" where the session can't be refreshed. */
  readonly refreshToken: string;
  readonly refreshExpiresAt: number;
}

/** A login that was checked. */
export interface SessionStart {
  readonly identity: Identity;
  /** What it was checked by: the session ends when that is no longer good. */
  readonly credential: Credential;
  /** The project that tokens are for; "" for none. */
  readonly project: string;
  /** What the login brings and leaves; see Principal. */
  readonly groups?: readonly string[];
  readonly mfaAt?: number;
  readonly limits?: readonly TokenLimit[];
  /** The most that the session lasts; default and upper limit: by the method. Milliseconds. */
  readonly ttlMs?: number;
  /** Default: by the method; what can be had again is not refreshed. */
  readonly refreshable?: boolean;
}

/** What a holder narrows its token to. */
export interface Narrowing {
  readonly limit: TokenLimit | undefined;
  readonly ttlMs: number;
}

export interface SessionLifeParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  readonly sessions: Sessions;
  readonly accessTokens: AccessTokens;
  /** Sessions that one principal of an org may have. */
  readonly mostSessions: (org: string) => Promise<number>;
}

export class SessionLife {
  readonly #parts: SessionLifeParts;
  /** By principal: how many more sessions it may have, until when that is believed. */
  readonly #room = new Map<string, { left: number; readonly until: number }>();

  constructor(parts: SessionLifeParts) {
    this.#parts = parts;
  }

  /** Opens a session for a principal whose credential was checked. @throws Fault UNAUTHENTICATED where the principal may not log in any more. */
  async begin(start: SessionStart, caller: Caller): Promise<Tokens> {
    const { identity, credential, project, groups, mfaAt, limits } = start;
    const { clock, random, store } = this.#parts;
    const principalSince = await this.#activeSince(identity);
    const createdAt = clock.now();
    const id = `session-${Buffer.from(random(16)).toString("base64url")}`;
    const { lastMs } = lives[credential.method];
    const endsAt = createdAt + Math.min(start.ttlMs ?? lastMs, lastMs);
    const brought = { ...(groups && { groups }), ...(mfaAt !== undefined && { mfaAt }), ...(limits && { limits }) };
    const { sourceIp } = caller;
    await this.#makeRoom(identity, caller);
    const begun = { id, project, credential, sourceIp, principalSince, createdAt, endsAt, usedHashes: [], ...brought };
    const actor = "by" in credential ? credential.by : principalName(identity);
    const author = { ...caller, actor, sessionId: id, credential: credentialText(begun) };
    await store.transact(async (tx) => {
      tx.append(sessionEvent("login", identity, id, author));
      if (credential.method === "key") await noteUse(tx, identity, credential.keyId);
    });
    const refreshable = start.refreshable ?? !["exchange", "break_glass"].includes(credential.method);
    return refreshable ? this.#renew(identity, begun, 0) : this.#once(identity, begun);
  }

  async #activeSince(identity: Identity): Promise<number> {
    const row = await this.#parts.store.get(principalKey(identity));
    const state = row && principalState(identity.kind, row);
    if (state?.active !== true) throw unauthenticated();
    return state.createdAt;
  }

  /** One more session than a principal may have ends the oldest. Narrowed ones go with those that they are beneath. */
  async #makeRoom(identity: Identity, caller: Caller): Promise<void> {
    const name = principalName(identity);
    const known = this.#room.get(name);
    if (known !== undefined && known.left > 0 && known.until > this.#parts.clock.now()) {
      known.left -= 1;
      return;
    }
    const sessions = await this.#parts.sessions.records.list(identity);
    const own = sessions.filter(({ id }) => ancestorsOf(id).length === 0).toSorted((a, b) => a.createdAt - b.createdAt);
    const most = await this.#parts.mostSessions(identity.org);
    // Where one must go, some more go: whoever logs in all the time is not counted each time.
    const over = own.length < most ? 0 : own.length - most + 1 + Math.floor(most / spare);
    for (const { id } of own.slice(0, over)) await this.#endOf(identity, id, caller, sessions);
    this.#remember(name, most - (own.length - over) - 1);
  }

  /** How many more logins need not be counted. Other servers' are not seen meanwhile; that evens out at the next count. */
  #remember(name: string, left: number): void {
    this.#room.delete(name);
    this.#room.set(name, { left, until: this.#parts.clock.now() + countedMs });
    const oldest = this.#room.size > mostCounted ? this.#room.keys().next().value : undefined;
    if (oldest !== undefined) this.#room.delete(oldest);
  }

  /** Opens a session beneath the caller's own, with less. @throws Fault UNAUTHENTICATED, WRONG_STATE (too many, too deep) */
  async narrow(caller: Principal, { limit, ttlMs }: Narrowing, call: Caller): Promise<Tokens> {
    const { clock, random, sessions, store } = this.#parts;
    const kept = await sessions.records.get(caller, caller.sessionId);
    if (kept === undefined) throw unauthenticated();
    await this.#refuseMany(caller);
    const id = `${caller.sessionId}.${Buffer.from(random(12)).toString("base64url")}`;
    const createdAt = clock.now();
    const lastMs = Math.min(ttlMs, longestNarrowedMs);
    const endsAt = Math.min(createdAt + lastMs, kept.session.endsAt, kept.session.refreshUntil);
    const limits = [...(kept.session.limits ?? []), ...(limit === undefined ? [] : [limit])];
    const { refreshHash: _, refreshUntil: __, ...parent } = kept.session;
    const begun = { ...parent, id, sourceIp: call.sourceIp, createdAt, endsAt, usedHashes: [], limits };
    const author = { ...call, actor: principalName(caller), sessionId: id, credential: credentialText(begun) };
    await store.transact(async (tx) => tx.append(sessionEvent("login", caller, id, author)));
    return this.#once(caller, begun);
  }

  async #refuseMany(caller: Principal): Promise<void> {
    if (ancestorsOf(caller.sessionId).length >= deepest)
      throw new Fault("WRONG_STATE", `the token was narrowed ${deepest} times; narrow the one that it comes from`);
    const all = await this.#parts.sessions.records.list(caller);
    const beneath = all.filter(({ id }) => ancestorsOf(id).includes(caller.sessionId));
    if (beneath.length >= mostNarrowed)
      throw new Fault(
        "WRONG_STATE",
        `the session has ${mostNarrowed} narrowed tokens; revoke some, or let them expire`,
      );
  }

  /** Notes that the session's holder has just proved a second factor. Answers when. @throws Fault UNAUTHENTICATED, CONTENDED */
  async proved(identity: Identity, sessionId: string): Promise<number> {
    const { clock, sessions } = this.#parts;
    const kept = await sessions.records.get(identity, sessionId);
    if (kept === undefined) throw unauthenticated();
    const mfaAt = clock.now();
    if (!(await sessions.records.put(identity, { ...kept.session, mfaAt }, kept.version)))
      throw new Fault("CONTENDED", "the session was changed at the same time; try again");
    sessions.touch(identity);
    return mfaAt;
  }

  /** Exchanges a refresh token. One that was used before ends its session: either its owner or a thief has the newer one. */
  async refresh(token: string, caller: Caller): Promise<Tokens> {
    const given = parseRefreshToken(token);
    const kept = given && (await this.#parts.sessions.records.get(given.identity, given.sessionId));
    if (given === undefined || kept === undefined) throw unauthenticated();
    const { identity, hash } = given;
    if (kept.session.usedHashes.includes(hash)) {
      await this.end(identity, kept.session.id, caller);
      throw unauthenticated();
    }
    if (!(await this.#mayRefresh(identity, kept, hash))) throw unauthenticated();
    const usedHashes = [hash, ...kept.session.usedHashes].slice(0, mostUsed);
    const tokens = await this.#renew(identity, { ...kept.session, usedHashes }, kept.version);
    const { id } = kept.session;
    const author = {
      ...caller,
      actor: principalName(identity),
      sessionId: id,
      credential: credentialText(kept.session),
    };
    await this.#parts.store.transact(async (tx) => tx.append(sessionEvent("refreshed", identity, id, author)));
    return tokens;
  }

  async #mayRefresh(identity: Identity, { session }: KeptSession, hash: string): Promise<boolean> {
    const now = this.#parts.clock.now();
    if (session.refreshHash !== hash || session.refreshUntil <= now || session.endsAt <= now) return false;
    return this.#parts.sessions.isStillGood(identity, session);
  }

  /** Gives a session new tokens and keeps it. @throws Fault UNAUTHENTICATED if someone else changed it at the same time. */
  async #renew(
    identity: Identity,
    begun: Omit<SessionRecord, "refreshHash" | "refreshUntil">,
    expected: number,
  ): Promise<Tokens> {
    const { clock, random, sessions } = this.#parts;
    const now = clock.now();
    const refreshToken = formatRefreshToken(identity, begun.id, random(refreshBytes));
    const refreshUntil = Math.min(now + lives[begun.credential.method].restMs, begun.endsAt);
    const session = { ...begun, refreshHash: refreshHash(refreshToken), refreshUntil };
    if (!(await sessions.records.put(identity, session, expected))) throw unauthenticated();
    const expiresAt = Math.min(now + accessTokenMs, session.endsAt);
    const token = await this.#sign({ ...identity, project: session.project, sessionId: session.id }, expiresAt);
    return { token, expiresAt, refreshToken, refreshExpiresAt: refreshUntil };
  }

  /** A session of one token, which can't be refreshed. */
  async #once(identity: Identity, begun: Omit<SessionRecord, "refreshHash" | "refreshUntil">): Promise<Tokens> {
    const session = { ...begun, refreshHash: "", refreshUntil: begun.endsAt };
    if (!(await this.#parts.sessions.records.put(identity, session, 0))) throw unauthenticated();
    const expiresAt = session.endsAt;
    const token = await this.#sign({ ...identity, project: session.project, sessionId: session.id }, expiresAt);
    return { token, expiresAt, refreshToken: "", refreshExpiresAt: 0 };
  }

  #sign(principal: Principal, expiresAt: number): Promise<string> {
    const tokenId = Buffer.from(this.#parts.random(16)).toString("base64url");
    return this.#parts.accessTokens.sign(principal, tokenId, expiresAt);
  }

  /** Ends a session, here at once and on the other servers as soon as they read the log. */
  async end(identity: Identity, sessionId: string, caller: Caller): Promise<void> {
    await this.#endOf(identity, sessionId, caller, await this.#parts.sessions.records.list(identity));
  }

  async #endOf(identity: Identity, sessionId: string, caller: Caller, all: readonly SessionRecord[]): Promise<void> {
    const { sessions, store } = this.#parts;
    for (const { id } of all) if (isWithin(id, sessionId)) await sessions.records.delete(identity, id);
    sessions.ended(identity, sessionId);
    const actor = caller.principal === undefined ? principalName(identity) : principalName(caller.principal);
    await store.transact(async (tx) => tx.append(sessionEvent("revoked", identity, sessionId, { ...caller, actor })));
  }

  /** Ends every session of a principal. Answers how many there were. */
  async endAll(identity: Identity, caller: Caller): Promise<number> {
    const sessions = await this.#parts.sessions.records.list(identity);
    const own = sessions.filter(({ id }) => ancestorsOf(id).length === 0);
    for (const { id } of own) await this.end(identity, id, caller);
    return own.length;
  }
}

/** Whose session the id of an event names. */
export function parseSessionEventId(
  id: string,
): { readonly identity: Identity; readonly sessionId: string } | undefined {
  const end = id.lastIndexOf("/");
  const identity = parsePrincipalName(id.slice(0, end));
  return identity && { identity, sessionId: id.slice(end + 1) };
}

/** Whose doing an event of a session is; the session and the credential are the caller's own where they are left out. */
export interface SessionAuthor extends Caller {
  readonly actor: string;
  readonly sessionId?: string;
  readonly credential?: string;
}

/** An event of a session, or of a login that failed ("" for the session): who, from where, and never a secret. Its id is {principal}/{session}. */
export function sessionEvent(
  type: Extract<EventType, "login" | "login_failed" | "revoked" | "refreshed">,
  identity: Identity,
  sessionId: string,
  author: SessionAuthor,
): NewEvent {
  const caller = authorOf(author);
  const { actor, sessionId: begun = caller.sessionId, credential = caller.credential } = author;
  const tenant = { org: identity.org, project: "" };
  const id = `${principalName(identity)}/${sessionId}`;
  const about = { type, tenant, kind: sessionKind, id, version: 0 };
  const doing = { ...caller, actor, sessionId: begun, credential };
  return { ...about, ...doing, permission: "", resource: new Uint8Array() };
}

function lastUse(row: ResourceRow): number {
  const { lastUsedTime } = fromBinary(ServiceAccountKeySchema, row.observed);
  return lastUsedTime === undefined ? 0 : timestampMs(lastUsedTime);
}

/** Notes that a key has logged in, unless that was noted a moment ago. */
async function noteUse(tx: Tx, identity: Identity, keyId: string): Promise<void> {
  const tenant = { org: identity.org, project: "" };
  const key: ResourceKey = { tenant, kind: ServiceAccountKeySchema.typeName, id: keyId };
  const row = await tx.get(key);
  if (row === undefined || row.phase !== "live" || tx.now - lastUse(row) < lastUsedMs) return;
  const lastUsedTime = timestampFromMs(tx.now);
  tx.observe(key, toBinary(ServiceAccountKeySchema, create(ServiceAccountKeySchema, { lastUsedTime })));
}
