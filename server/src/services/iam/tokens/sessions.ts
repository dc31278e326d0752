// Sessions: what is between a login and its end. A token is worth as much as its session, and a session as much as the credential and
// the principal behind it. What was found is believed for a few seconds, and dropped as soon as the log tells of a change.

import { BreakGlassSchema } from "@photoncloud/proto/gen/iam/v1/break_glass_pb";
import { ServiceAccountKeySchema } from "@photoncloud/proto/gen/iam/v1/service_account_key_pb";
import type { Clock } from "../../../clock.ts";
import { Fault } from "../../../fault.ts";
import type { Store } from "../../../store/store.ts";
import type { Principal } from "../../kind.ts";
import { isOpen } from "../break-glass/state.ts";
import { isTrusted } from "../federation/trusted.ts";
import { type Identity, principalName } from "../principal-name.ts";
import { isUsableKey, principalKey, principalState } from "../principals.ts";
import { unauthenticated } from "./access-token.ts";
import { fingerprint } from "./fingerprint.ts";
import {
  ancestorsOf,
  type Credential,
  isWithin,
  type KeptSession,
  type SessionRecord,
  SessionRecords,
} from "./session-record.ts";

/** How long a session that was found good is believed; with the log's help a revocation is known sooner. */
const believedMs = 4_000;
/** Sessions of principals that are being changed here are looked at each time for so long. */
const touchedMs = 5_000;
const mostPrincipals = 20_000;

type KeyCredential = Extract<Credential, { method: "key" }>;

export class Sessions {
  readonly records: SessionRecords;
  readonly #store: Pick<Store, "get">;
  readonly #clock: Clock;
  /** By principal, then by session: until when it is believed. */
  readonly #good = new Map<string, Map<string, { readonly until: number; readonly session: SessionRecord }>>();
  readonly #touched = new Map<string, number>();
  readonly #waiting = new Map<string, Map<Principal, () => void>>();

  constructor(store: Pick<Store, "get" | "records">, clock: Clock) {
    this.records = new SessionRecords(store.records);
    this.#store = store;
    this.#clock = clock;
  }

  /** The session of a principal's token. @throws Fault UNAUTHENTICATED if it has ended. */
  async check(principal: Principal): Promise<SessionRecord> {
    const name = principalName(principal);
    const believed = this.#good.get(name)?.get(principal.sessionId);
    if (believed !== undefined && believed.until > this.#clock.now() && !this.isTouched(principal))
      return believed.session;
    const kept = await this.#find(principal);
    this.#remember(name, kept.session);
    return kept.session;
  }

  /** Whether the principal, or one of its keys, was changed by this process a moment ago. */
  isTouched(identity: Identity): boolean {
    if (this.#touched.size === 0) return false;
    const name = principalName(identity);
    const until = this.#touched.get(name);
    if (until === undefined) return false;
    if (until > this.#clock.now()) return true;
    this.#touched.delete(name);
    return false;
  }

  async #find(principal: Principal): Promise<KeptSession> {
    const kept = await this.records.get(principal, principal.sessionId);
    if (kept === undefined || kept.session.endsAt <= this.#clock.now()) throw unauthenticated();
    if (!(await this.isStillGood(principal, kept.session))) throw unauthenticated();
    return kept;
  }

  /** Whether the principal may still log in, and the credential is still what it was. */
  async isStillGood(identity: Identity, session: SessionRecord): Promise<boolean> {
    const row = await this.#store.get(principalKey(identity));
    if (row === undefined) return false;
    const state = principalState(identity.kind, row);
    if (!state.active || state.createdAt !== session.principalSince) return false;
    if (!(await this.#areThere(identity, ancestorsOf(session.id)))) return false;
    return this.#credentialIsGood(identity, session.credential, state.secret);
  }

  async #areThere(identity: Identity, ids: readonly string[]): Promise<boolean> {
    const kept = await Promise.all(ids.map((id) => this.records.get(identity, id)));
    return kept.every((one) => one !== undefined && one.session.endsAt > this.#clock.now());
  }

  async #credentialIsGood(identity: Identity, credential: Credential, secret: Uint8Array): Promise<boolean> {
    switch (credential.method) {
      case "password":
        return credential.fingerprint === fingerprint(secret);
      case "key":
        return this.#keyIsGood(identity, credential);
      case "issued":
        return true;
      case "break_glass":
        return this.#glassIsOpen(credential.request);
      case "oidc":
      case "exchange":
        return isTrusted(await this.#store.get(credential.through));
    }
  }

  async #glassIsOpen(id: string): Promise<boolean> {
    const tenant = { org: "", project: "" };
    const row = await this.#store.get({ tenant, kind: BreakGlassSchema.typeName, id });
    return row !== undefined && isOpen(row, this.#clock.now());
  }

  async #keyIsGood(identity: Identity, credential: KeyCredential): Promise<boolean> {
    const tenant = { org: identity.org, project: "" };
    const row = await this.#store.get({ tenant, kind: ServiceAccountKeySchema.typeName, id: credential.keyId });
    if (row === undefined || !isUsableKey(row, identity.id, this.#clock.now())) return false;
    return credential.fingerprint === undefined || credential.fingerprint === fingerprint(row.secret);
  }

  #remember(name: string, session: SessionRecord): void {
    const mine = this.#good.get(name) ?? new Map();
    mine.set(session.id, { until: Math.min(this.#clock.now() + believedMs, session.endsAt), session });
    this.#good.delete(name);
    this.#good.set(name, mine);
    const oldest = this.#good.size > mostPrincipals ? this.#good.keys().next().value : undefined;
    if (oldest !== undefined) this.#good.delete(oldest);
  }

  /** A principal is about to change in this process. */
  touch(identity: Identity): void {
    this.#touched.set(principalName(identity), this.#clock.now() + touchedMs);
  }

  /** A principal has changed: its sessions are looked at again, and the streams of those that have ended end. */
  async changed(identity: Identity): Promise<void> {
    await this.#lookAgain(principalName(identity));
  }

  /** As `changed`, for everybody: what many sessions were opened by has changed. */
  async allChanged(): Promise<void> {
    for (const name of new Set([...this.#good.keys(), ...this.#waiting.keys()])) await this.#lookAgain(name);
  }

  async #lookAgain(name: string): Promise<void> {
    this.#good.delete(name);
    for (const [principal, end] of this.#waiting.get(name) ?? [])
      await this.check(principal).catch((error: unknown) => {
        if (error instanceof Fault && error.reason === "UNAUTHENTICATED") end();
        else throw error;
      });
  }

  /** A session has ended, and those that were narrowed from it: nothing of them is believed any more. */
  ended(identity: Identity, sessionId: string): void {
    const name = principalName(identity);
    const good = this.#good.get(name);
    for (const id of [...(good?.keys() ?? [])]) if (isWithin(id, sessionId)) good?.delete(id);
    for (const [principal, end] of this.#waiting.get(name) ?? []) if (isWithin(principal.sessionId, sessionId)) end();
  }

  /** Resolves when the principal's session has ended, or the signal aborts. */
  async untilEnded(principal: Principal, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const name = principalName(principal);
    const mine = this.#waiting.get(name) ?? new Map<Principal, () => void>();
    // Each waiter has a key of its own, although many wait for the same session.
    const self = { ...principal };
    this.#waiting.set(
      name,
      mine.set(self, () => over.abort()),
    );
    try {
      const { endsAt } = await this.check(principal);
      const ms = Math.min(endsAt - this.#clock.now(), longestSleepMs);
      await this.#clock.sleep(ms, AbortSignal.any([signal, over.signal]));
    } catch (error) {
      if (!(error instanceof Fault && error.reason === "UNAUTHENTICATED")) throw error;
    } finally {
      mine.delete(self);
      if (mine.size === 0 && this.#waiting.get(name) === mine) this.#waiting.delete(name);
    }
  }
}

/** Timers take 31 bits of milliseconds. A stream that is open for longer may as well begin anew. */
const longestSleepMs = 2 ** 31 - 1;
