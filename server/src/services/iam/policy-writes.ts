// What the kinds of IAM need beside their admission: the checks against escalation, and whom to tell that a write is coming.
import type { ResourceKey } from "../../store/store.ts";
import type { AccessPlans } from "./policy/access-plans.ts";
import type { Delegation } from "./policy/delegation.ts";
import type { Identity } from "./principal-name.ts";

export interface PolicyWrites {
  readonly delegation: Delegation;
  /** What their plans tell of who may do more or less. */
  readonly access: AccessPlans;
  /** A role or binding is about to be written: checks after the commit must see it. */
  touchGrant(key: ResourceKey, expected: number | "gone"): void;
  /** A principal or one of its keys is about to change: its sessions are looked at again. */
  touchPrincipal(identity: Identity): void;
}

/** The claim (its space begins with the field to blame) that makes an id unique among an org's users and service accounts: a login names a principal by its id alone. */
export function principalClaim(org: string, id: string) {
  return { space: `id|iam/principals/${org}`, key: id };
}
