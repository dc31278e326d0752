// Service accounts: identities of programs. One can't be deleted while it has keys or a role binding speaks of it.
import { ServiceAccountSchema } from "@photoncloud/proto/gen/iam/v1/service_account_pb";
import { defineKind } from "../../kind.ts";
import { leaveGroups } from "../group/membership.ts";
import { nameById, refuseReserved } from "../ids.ts";
import { admitBoundary } from "../policy/boundary.ts";
import { type PolicyWrites, principalClaim } from "../policy-writes.ts";
import { type Identity, principalName } from "../principal-name.ts";

export function serviceAccountKind(writes: PolicyWrites) {
  const { access } = writes;
  return defineKind({
    schema: ServiceAccountSchema,
    uniqueName: "none",
    async admit(admission, next, prior) {
      refuseReserved(next.id, prior);
      nameById(next);
      next.disabled ??= false;
      admission.claim(principalClaim(admission.tenant.org, next.id));
      const account: Identity = { kind: "service_account", org: admission.tenant.org, id: next.id };
      await admitBoundary(admission, writes, account, next, prior);
    },
    access: (tenant, next, prior) => access.ofPrincipal("service_account", tenant, next, prior),
    async admitDelete(admission, account) {
      const identity: Identity = { kind: "service_account", org: admission.tenant.org, id: account.id };
      await leaveGroups(admission, principalName(identity));
    },
  });
}
