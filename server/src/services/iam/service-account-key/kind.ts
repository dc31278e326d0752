// Service account keys: what a program logs in with. They overlap, so that one can be changed for another without a gap.
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { ServiceAccountKeySchema } from "@photoncloud/proto/gen/iam/v1/service_account_key_pb";
import { ServiceAccountSchema } from "@photoncloud/proto/gen/iam/v1/service_account_pb";
import { Fault, invalidField } from "../../../fault.ts";
import { type Admission, defineKind } from "../../kind.ts";
import { formatKeySecret, hashSecret, keySecretBytes } from "../credentials/key-secret.ts";
import { nameById } from "../ids.ts";
import type { PolicyWrites } from "../policy-writes.ts";
import { rotate } from "./rotate.ts";

/** A login tries them all, and two overlap in a change; more are a leak waiting to happen. */
export const mostKeys = 20;

export function serviceAccountKeyKind(writes: PolicyWrites) {
  const { delegation } = writes;
  return defineKind({
    schema: ServiceAccountKeySchema,
    uniqueName: "none",
    methods: { RotateServiceAccountKey: rotate(writes) },
    async admit(admission, next, prior) {
      nameById(next);
      if (prior !== undefined) return;
      const { expireTime, serviceAccountId } = next;
      if (expireTime !== undefined && timestampMs(expireTime) <= admission.now)
        throw invalidField(
          "expire_time",
          "future",
          `${timestamp(timestampMs(expireTime))} is past; give a time to come, or none`,
        );
      const { org } = admission.tenant;
      await admission.reference(ServiceAccountSchema, serviceAccountId, "service_account_id");
      await delegation.mustOutrank(admission.caller, { kind: "service_account", org, id: serviceAccountId });
      await refuseTooMany(admission, serviceAccountId);
      const secret = formatKeySecret(admission.random(keySecretBytes));
      admission.keepSecret(hashSecret(secret));
      admission.answerOnce({ secret });
    },
  });
}

function timestamp(ms: number): string {
  return Number.isFinite(ms) && Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : "that time";
}

async function refuseTooMany(admission: Admission, accountId: string): Promise<void> {
  admission.guard(`iam/keys/${admission.tenant.org}/${accountId}`);
  const keys = await admission.list(ServiceAccountKeySchema);
  const own = keys.filter((key) => key.message.serviceAccountId === accountId);
  if (own.length >= mostKeys)
    throw new Fault("WRONG_STATE", `${accountId} has ${own.length} keys; delete one before you make another`);
}
