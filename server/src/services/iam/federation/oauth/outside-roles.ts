// Whether a user was given something outside its own org. An org's provider says who its people are, and must not say so to anybody else.
import { fromBinary } from "@bufbuild/protobuf";
import { GroupSchema } from "@photoncloud/proto/gen/iam/v1/group_pb";
import { RoleBindingSchema } from "@photoncloud/proto/gen/iam/v1/role_binding_pb";
import type { ResourceKey, Store } from "../../../../store/store.ts";
import { systemOrg } from "../../ids.ts";
import { type Identity, principalName } from "../../principal-name.ts";
import { principalKey } from "../../principals.ts";

const mostReferrers = 10_000;
const mostGroups = 10_000;

/** Whether a binding outside the org speaks of a principal, of a group that it is in, or of one that its login brings. */
export async function isBoundOutside(
  store: Pick<Store, "list" | "referrers">,
  identity: Identity,
  broughtIds: readonly string[],
): Promise<boolean> {
  if (identity.org === systemOrg) return false;
  const tenant = { org: identity.org, project: "" };
  const rows = await store.list({ tenants: [tenant], kind: GroupSchema.typeName, limit: mostGroups });
  const name = principalName(identity);
  const groups = rows.filter(
    ({ id, data }) => broughtIds.includes(id) || fromBinary(GroupSchema, data).members.includes(name),
  );
  const keys: ResourceKey[] = [principalKey(identity)];
  for (const { id } of groups) keys.push({ tenant, kind: GroupSchema.typeName, id });
  const referrers = await Promise.all(keys.map((key) => store.referrers(key, mostReferrers)));
  return referrers.flat().some((key) => key.kind === RoleBindingSchema.typeName && key.tenant.org !== identity.org);
}
