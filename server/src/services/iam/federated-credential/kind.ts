// Federated credentials: which tokens of other issuers a service account logs in with. Who makes one could log in as the account: so it must
// have all that the account has, as with a key.
import { FederatedCredentialSchema } from "@photoncloud/proto/gen/iam/v1/federated_credential_pb";
import { ServiceAccountSchema } from "@photoncloud/proto/gen/iam/v1/service_account_pb";
import { Fault, invalidField } from "../../../fault.ts";
import { type Admission, defineKind } from "../../kind.ts";
import { refuseBadIssuer } from "../federation/issuer.ts";
import type { FederationTerms } from "../federation/terms.ts";
import { subjectProblem } from "../federation/wildcard.ts";
import { nameById } from "../ids.ts";
import type { PolicyWrites } from "../policy-writes.ts";

/** An exchange tries them all. */
const mostCredentials = 50;
/** Of a claim that must be there, in characters. */
const longestClaim = 512;

export function federatedCredentialKind({ delegation }: PolicyWrites, terms: FederationTerms) {
  return defineKind({
    schema: FederatedCredentialSchema,
    uniqueName: "none",
    async admit(admission, next, prior) {
      nameById(next);
      next.allowReuse ??= false;
      refuseBadIssuer(next.issuer, terms);
      const problem = subjectProblem(next.subject);
      if (problem !== undefined)
        throw invalidField("subject", "pattern", `${JSON.stringify(next.subject)}: ${problem}`);
      if (Object.values(next.claims).some((value) => value.length > longestClaim))
        throw invalidField("claims", "size", `a value has more than ${longestClaim} characters`);
      const { org } = admission.tenant;
      const account = { kind: "service_account", org, id: next.serviceAccountId } as const;
      await admission.reference(ServiceAccountSchema, account.id, "service_account_id");
      await delegation.mustOutrank(admission.caller, account);
      if (prior === undefined) await refuseTooMany(admission, account.id);
    },
  });
}

async function refuseTooMany(admission: Admission, accountId: string): Promise<void> {
  admission.guard(`iam/federated-credentials/${admission.tenant.org}/${accountId}`);
  const all = await admission.list(FederatedCredentialSchema);
  const own = all.filter(({ message }) => message.serviceAccountId === accountId);
  if (own.length >= mostCredentials)
    throw new Fault(
      "WRONG_STATE",
      `${accountId} has ${own.length} federated credentials; delete one before you make another`,
    );
}
