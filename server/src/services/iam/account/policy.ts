// What an org wants of its users' accounts, with what holds where it says nothing.
import { fromBinary } from "@bufbuild/protobuf";
import { type AccountPolicy, OrgSchema } from "@photoncloud/proto/gen/iam/v1/org_pb";
import type { Store } from "../../../store/store.ts";

export interface AccountRules {
  readonly minPasswordLength: number;
  readonly passwordHistory: number;
  readonly mfaRequired: boolean;
  readonly maxSessions: number;
}

export function rulesOf(policy: AccountPolicy | undefined): AccountRules {
  return {
    minPasswordLength: policy?.minPasswordLength ?? 12,
    passwordHistory: policy?.passwordHistory ?? 0,
    mfaRequired: policy?.mfaRequired ?? false,
    maxSessions: policy?.maxSessions ?? 100,
  };
}

/** Those of an org; of one that is not there, what holds everywhere. */
export async function accountRules(store: Pick<Store, "get">, org: string): Promise<AccountRules> {
  const row = await store.get({ tenant: { org: "", project: "" }, kind: OrgSchema.typeName, id: org });
  return rulesOf(row && fromBinary(OrgSchema, row.data).accountPolicy);
}
