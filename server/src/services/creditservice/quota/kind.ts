// Quotas: what there may be in an org or a project. The store holds them against everything that is created and grown; here it is settled who may
// set them, which is who may in the scope above: nobody raises the limits of the scope that they administer.
import { type Catalog, catalog as wholeCatalog } from "@photoncloud/proto";
import { type Quota, QuotaSchema } from "@photoncloud/proto/gen/creditservice/v1/quota_pb";
import { Fault, invalidField } from "../../../fault.ts";
import type { Tenant } from "../../../store/store.ts";
import { formatPath } from "../../call.ts";
import { type Admission, defineKind, type KindDefinition } from "../../kind.ts";
import { dimensionsOf } from "../dimensions.ts";

/** Beyond it a number is not exact any more. */
const mostMost = BigInt(Number.MAX_SAFE_INTEGER);

export function quotaKindOf(catalog: () => Catalog): KindDefinition<typeof QuotaSchema> {
  return defineKind({
    schema: QuotaSchema,
    uniqueName: "none",
    async admit(admission, next, prior) {
      await mustGovern(admission, prior === undefined ? "create" : "update");
      if (next.name === "") next.name = next.id;
      limitAll(admission, next, catalog());
    },
    admitDelete: (admission) => mustGovern(admission, "delete"),
  });
}

export const quotaKind = quotaKindOf(wholeCatalog);

/** @throws Fault PERMISSION_DENIED unless the caller may do so in the scope above. */
async function mustGovern({ tenant, caller }: Admission, verb: string): Promise<void> {
  const above = scopeAbove(tenant);
  const permission = `credits:quotas:${verb}`;
  if ((await caller.may?.(permission, { ...above, type: "quota", id: "" })) ?? true) return;
  const where = above.org === "" ? "the system" : formatPath({ ...above, type: "", id: "" });
  const message = `the quotas of ${formatPath({ ...tenant, type: "", id: "" })} are set from above it: this needs ${permission} at ${where}`;
  throw new Fault("PERMISSION_DENIED", message, { permission });
}

/** @throws Fault INVALID_FIELDS: the system has none. */
function scopeAbove({ org, project }: Tenant): Tenant {
  if (org === "") throw invalidField("org_id", "required", "it is missing; give the org that is limited");
  return { org: project === "" ? "" : org, project: "" };
}

/** @throws Fault INVALID_FIELDS for what can't be limited. */
function limitAll(admission: Admission, { limits }: Quota, catalog: Catalog): void {
  const dimensions = dimensionsOf(catalog);
  for (const [name, most] of Object.entries(limits)) {
    const path = `limits[${JSON.stringify(name)}]`;
    const dimension = dimensions.get(name);
    if (dimension === undefined) throw invalidField(path, "unknown_dimension", noDimension([...dimensions.keys()]));
    if (most < 0n || most > mostMost)
      throw invalidField(path, "range", `${most} was given; 0 to ${mostMost} is allowed`);
    admission.limit(dimension.measure, Number(most));
  }
}

function noDimension(names: readonly string[]): string {
  return `nothing is counted by this name; there are ${names.join(", ")}`;
}
