// A VPC is a router: one isolation domain.
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import type { Drivers } from "../../../backends/drivers.ts";
import type { Reconciler } from "../../../engine/reconciler.ts";
import { driverStep, ownerOf } from "../../driver-step.ts";

export const vpcReconciler: Reconciler<typeof VpcSchema, Drivers> = {
  schema: VpcSchema,
  backend: ({ network }) => network.name,
  steps: [
    driverStep({
      name: "router",
      ensure: ({ id, key, resource, drivers, signal }) =>
        drivers.network.ensure({ type: "router", id, owner: ownerOf(key.tenant), cidr: resource.cidr }, signal),
      remove: ({ id, drivers, signal }) => drivers.network.remove({ type: "router", id }, signal),
    }),
  ],
};
