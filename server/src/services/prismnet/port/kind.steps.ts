// A port is a switch port with its filters.
import { PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import type { NetworkObject } from "../../../backends/network/driver.ts";
import { StepError } from "../../../engine/reconciler.ts";
import { ownerOf } from "../../driver-step.ts";
import { type NetworkPart, networkReconciler, type ObjectContext } from "../../network-part.ts";

async function portOf(context: ObjectContext<typeof PortSchema>): Promise<NetworkObject> {
  const { id, key, resource } = context;
  const { subnetId, macAddress, ipAddress = "", securityGroupIds, forwarding = false, name } = resource;
  const subnet = await context.related(SubnetSchema, subnetId);
  if (subnet === undefined) throw new StepError("SubnetGone", `subnet ${subnetId} does not exist any more`);
  return {
    type: "port",
    id,
    subnetId,
    vpcId: subnet.vpcId,
    owner: ownerOf(key.tenant),
    macAddress,
    ipAddresses: [ipAddress],
    securityGroupIds: securityGroupIds.toSorted(),
    hostname: name,
    forwarding,
    bandwidth: {},
  };
}

export const portNetwork: NetworkPart<typeof PortSchema> = {
  schema: PortSchema,
  objects: [{ type: "port", of: portOf }],
};

export const portReconciler = networkReconciler(portNetwork);
