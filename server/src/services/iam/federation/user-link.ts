// What ties a user to an identity provider: its user_name until the first login, then the issuer and the issuer's own id of the person.
import type { User, UserSchema } from "@photoncloud/proto/gen/iam/v1/user_pb";
import { invalidField } from "../../../fault.ts";
import type { Admission, Loaded } from "../../kind.ts";
import { foldName } from "../fold-name.ts";
import type { Delegation } from "../policy/delegation.ts";

/** Where the user of a name is found. */
export function userNameClaim(org: string, name: string) {
  return { space: `user_name|iam/user-names/${org}`, key: foldName(name) };
}

/** Where the user of an issuer's subject is found. */
export function federatedClaim(org: string, issuer: string, subject: string) {
  return { space: `federated_subject|iam/federated-users/${org}`, key: `${issuer} ${subject}` };
}

/** Claims what names a user elsewhere. Who changes it says who logs in as the user: that takes all that the user has. */
export async function admitUserLink(
  admission: Admission,
  delegation: Delegation,
  next: User,
  prior: Loaded<typeof UserSchema> | undefined,
): Promise<void> {
  const { org } = admission.tenant;
  const { userName = "", federatedIssuer: issuer = "", federatedSubject: subject = "" } = next;
  if ((issuer === "") !== (subject === ""))
    throw invalidField("federated_subject", "together", "federated_issuer and federated_subject are given together");
  if (userName !== "") admission.claim(userNameClaim(org, userName));
  if (subject !== "") admission.claim(federatedClaim(org, issuer, subject));
  if (prior !== undefined && isMoved(prior.message, next))
    await delegation.mustOutrank(admission.caller, { kind: "user", org, id: next.id });
}

function isMoved(prior: User, next: User): boolean {
  return (
    foldName(prior.userName ?? "") !== foldName(next.userName ?? "") ||
    prior.federatedIssuer !== next.federatedIssuer ||
    prior.federatedSubject !== next.federatedSubject
  );
}
