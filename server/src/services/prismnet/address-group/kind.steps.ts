// An address group is a set of networks in the backend; rules name it, so a change reaches all of them at once.
import { AddressGroupSchema } from "@photoncloud/proto/gen/prismnet/v1/address_group_pb";
import type { Drivers } from "../../../backends/drivers.ts";
import type { Reconciler } from "../../../engine/reconciler.ts";
import { driverStep, ownerOf } from "../../driver-step.ts";

export const addressGroupReconciler: Reconciler<typeof AddressGroupSchema, Drivers> = {
  schema: AddressGroupSchema,
  backend: ({ network }) => network.name,
  steps: [
    driverStep({
      name: "addresses",
      ensure: ({ id, key, resource, drivers, signal }) =>
        drivers.network.ensure({ type: "addresses", id, owner: ownerOf(key.tenant), cidrs: resource.cidrs }, signal),
      remove: ({ id, drivers, signal }) => drivers.network.remove({ type: "addresses", id }, signal),
    }),
  ],
};
