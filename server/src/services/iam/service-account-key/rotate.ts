// RotateServiceAccountKey: a key keeps its id, and gets the secret that its caller has drawn. So it can be told to whoever logs in with it beforehand,
// and no answer has to be kept.
import { isMessage } from "@bufbuild/protobuf";
import {
  RotateServiceAccountKeyRequestSchema,
  type ServiceAccountKeySchema,
} from "@photoncloud/proto/gen/iam/v1/service_account_key_pb";
import type { CustomMethod } from "../../kind.ts";
import { hashSecret } from "../credentials/key-secret.ts";
import type { PolicyWrites } from "../policy-writes.ts";
import type { Identity } from "../principal-name.ts";

/** Who knows an account's key is the account: it takes what making one takes. */
export function rotate({ delegation }: PolicyWrites): CustomMethod<typeof ServiceAccountKeySchema> {
  return {
    async update(key, request, admission) {
      if (!isMessage(request, RotateServiceAccountKeyRequestSchema))
        throw new Error("RotateServiceAccountKey was given another request");
      const account: Identity = { kind: "service_account", org: admission.tenant.org, id: key.serviceAccountId };
      await delegation.mustOutrank(admission.caller, account);
      admission.keepSecret(hashSecret(request.secret));
    },
  };
}
