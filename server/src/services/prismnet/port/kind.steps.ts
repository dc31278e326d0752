// A port is a switch port with its filters.
import { PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import type { Drivers } from "../../../backends/drivers.ts";
import type { PortSpec } from "../../../backends/network/driver.ts";
import { type Reconciler, StepError } from "../../../engine/reconciler.ts";
import { type DriverContext, driverStep, ownerOf } from "../../driver-step.ts";

async function portOf(context: DriverContext<typeof PortSchema>): Promise<PortSpec> {
  const { id, key, resource } = context;
  const { subnetId, macAddress, ipAddress = "", securityGroupIds } = resource;
  const subnet = await context.related(SubnetSchema, subnetId);
  if (subnet === undefined) throw new StepError("SubnetGone", `subnet ${subnetId} does not exist any more`);
  const { vpcId } = subnet;
  const addresses = { macAddress, ipAddresses: [ipAddress], securityGroupIds: securityGroupIds.toSorted() };
  return { type: "port", id, subnetId, vpcId, owner: ownerOf(key.tenant), ...addresses };
}

export const portReconciler: Reconciler<typeof PortSchema, Drivers> = {
  schema: PortSchema,
  backend: ({ network }) => network.name,
  steps: [
    driverStep({
      name: "port",
      ensure: async (context) => context.drivers.network.ensure(await portOf(context), context.signal),
      remove: ({ id, drivers, signal }) => drivers.network.remove({ type: "port", id }, signal),
    }),
  ],
};
