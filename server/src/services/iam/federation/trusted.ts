// Whether what vouched for a login still does.
import { fromBinary } from "@bufbuild/protobuf";
import { IdentityProviderSchema } from "@photoncloud/proto/gen/iam/v1/identity_provider_pb";
import type { ResourceRow } from "../../../store/store.ts";

/** False for what is gone or going, and for an identity provider that is disabled. */
export function isTrusted(row: ResourceRow | undefined): boolean {
  if (row?.phase !== "live") return false;
  if (row.kind !== IdentityProviderSchema.typeName) return true;
  return fromBinary(IdentityProviderSchema, row.data).disabled !== true;
}
