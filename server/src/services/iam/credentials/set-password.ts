// Sets a user's password: by the rules of its org, and with the former ones remembered as far as the org wants.
import { OrgSchema } from "@photoncloud/proto/gen/iam/v1/org_pb";
import type { User } from "@photoncloud/proto/gen/iam/v1/user_pb";
import { invalidField } from "../../../fault.ts";
import type { Admission } from "../../kind.ts";
import { rulesOf } from "../account/policy.ts";
import { hashPassword, rememberPassword, wasPassword } from "./password.ts";
import { checkPassword } from "./password-policy.ts";

/** @throws Fault INVALID_FIELDS */
export async function setPassword(admission: Admission, user: User, password: string, prior: Uint8Array | undefined) {
  const org = await admission.get(OrgSchema, admission.tenant.org);
  const { minPasswordLength, passwordHistory } = rulesOf(org?.message.accountPolicy);
  checkPassword(password, { id: user.id, name: user.name, email: user.email ?? "" }, minPasswordLength);
  if (admission.planning) return;
  if (prior !== undefined && passwordHistory > 0 && (await wasPassword(prior, password, passwordHistory)))
    throw invalidField("password", "reused", `it is one of the last ${passwordHistory}; your org wants a new one`);
  admission.keepSecret(rememberPassword(await hashPassword(password), prior, passwordHistory));
}
