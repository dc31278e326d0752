// Remembers for a few seconds whose token is whose, since verifying a signature costs more than a read. A revocation empties it at once.
import { createHash } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { Authenticator } from "../services/call.ts";
import type { Principal } from "../services/kind.ts";

/** How long a verified token is believed: also the most that a token outlives its expiry. */
const believedMs = 5_000;
/** Enough for every caller of a busy server; the oldest goes first. */
const mostTokens = 10_000;

interface Entry {
  readonly principal: Principal;
  readonly until: number;
  readonly watch: AbortController;
}

/** A token never stands in memory as a key. */
function keyOf(token: string): string {
  return createHash("sha256").update(token).digest("base64");
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
    entries.set(key, { principal, until: clock.now() + believedMs, watch });
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
    if (entry.until > clock.now()) return entry.principal;
    forget(key);
    return undefined;
  };
  return {
    known: (token) => known(keyOf(token)),
    async authenticate(token) {
      const key = keyOf(token);
      const principal = known(key) ?? (await inner.authenticate(token));
      if (!entries.has(key)) remember(key, principal);
      return principal;
    },
    revoked: (principal, signal) => inner.revoked(principal, signal),
    close() {
      for (const key of entries.keys()) forget(key);
    },
  };
}
