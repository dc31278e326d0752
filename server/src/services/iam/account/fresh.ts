// Whether a caller has proved its second factor a moment ago, where it has one.
import type { Clock } from "../../../clock.ts";
import { Fault } from "../../../fault.ts";
import type { Store } from "../../../store/store.ts";
import type { Principal } from "../../kind.ts";
import { principalKey } from "../principals.ts";
import type { Sessions } from "../tokens/sessions.ts";
import type { Factors } from "./factors.ts";

/** How long a proof counts as fresh: a person's next few steps. */
export const freshMs = 10 * 60_000;

export interface FreshParts {
  readonly store: Pick<Store, "get">;
  readonly clock: Clock;
  readonly sessions: Sessions;
  readonly factors: Factors;
}

/** @throws Fault FRESH_FACTOR_REQUIRED. Says nothing where there is no factor to prove. */
export async function mustBeFresh(parts: FreshParts, caller: Principal): Promise<void> {
  if (caller.kind !== "user") return;
  const row = await parts.store.get(principalKey(caller));
  if (row === undefined) return;
  const { factors } = await parts.factors.list({ identity: caller, since: row.createdAt });
  if (factors.length === 0) return;
  // The session itself, not what is remembered of it: the proof may have been given to another server.
  const kept = await parts.sessions.records.get(caller, caller.sessionId);
  const provedAt = kept?.session.mfaAt ?? Number.NEGATIVE_INFINITY;
  if (provedAt + freshMs > parts.clock.now()) return;
  throw new Fault(
    "FRESH_FACTOR_REQUIRED",
    "this needs a fresh proof of your second factor; prove it (photon mfa prove), then try again within ten minutes",
  );
}
