// Who may set what bounds a principal. The one who is bounded must not get rid of it, nor anybody in its place who has less than it would have then.
import { Fault } from "../../../fault.ts";
import type { Admission } from "../../kind.ts";
import type { PolicyWrites } from "../policy-writes.ts";
import { type Identity, principalName } from "../principal-name.ts";

/** What has a boundary: a user or a service account. */
interface Bounded {
  readonly permissionBoundaryRoleId?: string | undefined;
}

/** Admits the boundary of a user or a service account. That its role is there is checked by the annotation. */
export async function admitBoundary(
  admission: Admission,
  { delegation }: Pick<PolicyWrites, "delegation">,
  identity: Identity,
  next: Bounded,
  prior: { readonly message: Bounded } | undefined,
): Promise<void> {
  const [before, after] = [prior?.message.permissionBoundaryRoleId ?? "", next.permissionBoundaryRoleId ?? ""];
  if (before === after) return;
  const { principal } = admission.caller;
  if (principal !== undefined && principalName(principal) === principalName(identity))
    throw new Fault(
      "PERMISSION_DENIED",
      "nobody changes what bounds themselves; ask someone who may do all that you may",
    );
  if (prior !== undefined) await delegation.mustOutrank(admission.caller, identity);
}
