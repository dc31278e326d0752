// What the kinds of IAM need beside their admission: the checks against escalation.
import type { AccessPlans } from "./policy/access-plans.ts";
import type { Delegation } from "./policy/delegation.ts";

export interface PolicyWrites {
  readonly delegation: Delegation;
  /** What their plans tell of who may do more or less. */
  readonly access: AccessPlans;
}

/** The claim (its space begins with the field to blame) that makes an id unique among an org's users and service accounts: a login names a principal by its id alone. */
export function principalClaim(org: string, id: string) {
  return { space: `id|iam/principals/${org}`, key: id };
}
