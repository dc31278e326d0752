// A security group is a packet filter, whole: all of its rules change at once.
import { type SecurityGroup, SecurityGroupSchema } from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import type { Drivers } from "../../../backends/drivers.ts";
import type { FilterRule } from "../../../backends/network/driver.ts";
import type { Reconciler } from "../../../engine/reconciler.ts";
import { driverStep, ownerOf } from "../../driver-step.ts";
import { filterRuleOf } from "./rules.ts";

function rulesOf({ rules }: SecurityGroup): FilterRule[] {
  const byName = Object.entries(rules).sort(([a], [b]) => (a < b ? -1 : 1));
  return byName.map(([name, rule]) => filterRuleOf(name, rule));
}

export const securityGroupReconciler: Reconciler<typeof SecurityGroupSchema, Drivers> = {
  schema: SecurityGroupSchema,
  backend: ({ network }) => network.name,
  // Two groups that name each other would wait for each other for ever; a rule allows nobody until the group that it names has ports.
  doesNotWaitFor: ["rules.remote_group_id"],
  steps: [
    driverStep({
      name: "filter",
      ensure: ({ id, key, resource, drivers, signal }) =>
        drivers.network.ensure({ type: "filter", id, owner: ownerOf(key.tenant), rules: rulesOf(resource) }, signal),
      remove: ({ id, drivers, signal }) => drivers.network.remove({ type: "filter", id }, signal),
    }),
  ],
};
