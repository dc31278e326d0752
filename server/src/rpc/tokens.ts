// Remembers for a few seconds whose token is whose, since verifying a signature costs more than a read. A revocation empties it at once.
import { hash } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { Authenticator } from "../services/call.ts";
import type { Principal } from "../services/kind.ts";

/** How long a verified token is believed. */
const believedMs = 4_000;
/** How much longer while one caller has it verified anew, so that those who share it do not all verify it: together, the most that a token outlives its expiry. */
const renewalMs = 1_000;
/** Enough for every caller of a busy server; the oldest goes first. */
const mostTokens = 10_000;

interface Entry {
  readonly principal: Principal;
  readonly until: number;
  readonly watch: AbortController;
  renewing: boolean;
}

/** A token never stands in memory as a key. */
function keyOf(token: string): string {
  return hash("sha256", token, "base64");
}

/** An authenticator with a short memory; `known` answers without a promise where it can. */
export interface RememberingAuthenticator extends Authenticator {
  known(token: string): Principal | undefined;
  close(): void;
}

export function rememberTokens(inner: Authenticator, clock: Clock): RememberingAuthenticator {
  const entries = new Map<string, Entry>();
  const forget = (key: string) => {
    entries.get(key)?.watch.abort();
    entries.delete(key);
  };
  const remember = (key: string, principal: Principal) => {
    forget(key);
    const watch = new AbortController();
    entries.set(key, { principal, until: clock.now() + believedMs, watch, renewing: false });
    void inner.revoked(principal, watch.signal).then(
      () => forget(key),
      () => forget(key),
    );
    const oldest = entries.size > mostTokens ? entries.keys().next().value : undefined;
    if (oldest !== undefined) forget(oldest);
  };
  const known = (key: string) => {
    const entry = entries.get(key);
    if (entry === undefined || inner.changing?.(entry.principal) === true) return undefined;
    const until = entry.renewing ? entry.until + renewalMs : entry.until;
    return until > clock.now() ? entry.principal : undefined;
  };
  const verify = async (key: string, token: string) => {
    const entry = entries.get(key);
    if (entry !== undefined) entry.renewing = true;
    try {
      const principal = await inner.authenticate(token);
      if ((entries.get(key)?.until ?? 0) <= clock.now()) remember(key, principal);
      return principal;
    } catch (error) {
      forget(key);
      throw error;
    }
  };
  return {
    known: (token) => known(keyOf(token)),
    async authenticate(token) {
      const key = keyOf(token);
      return known(key) ?? verify(key, token);
    },
    recheck: (principal) => inner.recheck(principal),
    revoked: (principal, signal) => inner.revoked(principal, signal),
    close() {
      for (const key of entries.keys()) forget(key);
    },
  };
}
