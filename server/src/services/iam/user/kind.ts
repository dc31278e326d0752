// Users: people who log in with a password. A user can't be deleted while a role binding speaks of it: so a binding never comes
// back to life for someone else who is given the same id later. Disable a user to shut it out at once.
import { type User, UserSchema } from "@photoncloud/proto/gen/iam/v1/user_pb";
import { Fault } from "../../../fault.ts";
import { type Admission, defineKind, type Loaded } from "../../kind.ts";
import { ownPasswordMethod } from "../account/own-password.ts";
import { refuseSealed } from "../break-glass/sealed-user.ts";
import { setPassword } from "../credentials/set-password.ts";
import { admitUserLink } from "../federation/user-link.ts";
import { leaveGroups } from "../group/membership.ts";
import { nameById, refuseReserved } from "../ids.ts";
import { admitBoundary } from "../policy/boundary.ts";
import type { Delegation } from "../policy/delegation.ts";
import { type PolicyWrites, principalClaim } from "../policy-writes.ts";
import { type Identity, principalName } from "../principal-name.ts";
import { claimSought, soughtOfUser } from "../sought.ts";

export function userKind(writes: PolicyWrites) {
  const { access, delegation } = writes;
  return defineKind({
    schema: UserSchema,
    uniqueName: "none",
    async admit(admission, next, prior) {
      refuseReserved(next.id, prior);
      nameById(next);
      next.disabled ??= false;
      refuseSealed(admission, { kind: "user", org: admission.tenant.org, id: next.id }, next, prior);
      await admitUserLink(admission, delegation, next, prior);
      admission.claim(principalClaim(admission.tenant.org, next.id));
      const user: Identity = { kind: "user", org: admission.tenant.org, id: next.id };
      await admitBoundary(admission, writes, user, next, prior);
      await admitPassword(admission, delegation, next, prior);
      claimSought(admission, soughtOfUser(admission.tenant.org, next), next.id);
    },
    access: (tenant, next, prior) => access.ofPrincipal("user", tenant, next, prior),
    async admitDelete(admission, user) {
      const identity: Identity = { kind: "user", org: admission.tenant.org, id: user.id };
      await leaveGroups(admission, principalName(identity));
    },
  });
}

async function admitPassword(
  admission: Admission,
  delegation: Delegation,
  next: User,
  prior: Loaded<typeof UserSchema> | undefined,
): Promise<void> {
  if (next.password === undefined) return;
  if (prior !== undefined) {
    const user: Identity = { kind: "user", org: admission.tenant.org, id: next.id };
    refuseOwn(admission, user);
    await delegation.mustOutrank(admission.caller, user);
  }
  await setPassword(admission, next, next.password, prior?.secret);
}

/** One's own password is changed by who knows the old one: whoever has a session alone must not keep the account by it. */
function refuseOwn({ caller }: Admission, user: Identity): void {
  if (caller.principal === undefined || principalName(caller.principal) !== principalName(user)) return;
  if (caller.method === ownPasswordMethod) return;
  throw new Fault(
    "WRONG_STATE",
    "your own password is changed with ChangePassword (photon password), which asks for the old one",
  );
}
