// Accounts put together: passwords and second factors, invitations, and the sealed administrator.
import type { Catalog } from "@photoncloud/proto";
import type { Clock } from "../../../clock.ts";
import { Fault } from "../../../fault.ts";
import type { Store } from "../../../store/store.ts";
import type { Authorizer, ResourceCalls, ServiceHandlers } from "../../call.ts";
import type { KindDefinition, Principal } from "../../kind.ts";
import { breakGlassKind } from "../break-glass/kind.ts";
import { invitationKind } from "../invitation/kind.ts";
import { joiningService } from "../invitation/service.ts";
import type { Delegation } from "../policy/delegation.ts";
import type { PolicyWrites } from "../policy-writes.ts";
import type { Login } from "../tokens/login.ts";
import type { LoginLimiter } from "../tokens/login-limiter.ts";
import type { Sealing } from "../tokens/sealing.ts";
import type { SessionLife } from "../tokens/session-life.ts";
import type { Sessions } from "../tokens/sessions.ts";
import { FactorStore } from "./factor-store.ts";
import { Factors } from "./factors.ts";
import { type FreshParts, mustBeFresh } from "./fresh.ts";
import { createPasskeys } from "./passkeys.ts";
import { accountService } from "./service.ts";

export interface FactorOptions {
  readonly store: Store;
  readonly sealing: Sealing;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  /** The cloud's address as its users know it at the moment. */
  readonly endpoint: () => string;
}

export function createFactors({ store, sealing, clock, random, endpoint }: FactorOptions): Factors {
  const passkeys = createPasskeys(store.records, endpoint, () => clock.now());
  return new Factors({ store: new FactorStore(store.records, sealing), passkeys, clock, random, cloud: "PhotonCloud" });
}

export interface AccountsParts {
  readonly store: Store;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly login: Login;
  readonly limiter: LoginLimiter;
  readonly life: SessionLife;
  readonly sessions: Sessions;
  readonly factors: Factors;
  readonly delegation: Delegation;
  readonly authorizer: Authorizer;
  readonly resources: () => ResourceCalls;
}

export function accountHandlers(parts: AccountsParts): readonly ServiceHandlers[] {
  return [accountService(parts), joiningService(parts)];
}

export function accountKinds(writes: PolicyWrites, parts: AccountsParts): readonly KindDefinition[] {
  return [invitationKind(writes, parts.authorizer), breakGlassKind((caller) => provePerson(parts, caller))];
}

/** @throws Fault WRONG_STATE where someone else opened the session, FRESH_FACTOR_REQUIRED */
export async function provePerson(parts: FreshParts, caller: Principal): Promise<void> {
  const kept = await parts.sessions.records.get(caller, caller.sessionId);
  if (kept?.session.credential.method === "issued")
    throw new Fault("WRONG_STATE", "an administrator opened this session for you; log in yourself");
  await mustBeFresh(parts, caller);
}
