// An elastic IP is there in the network while it leads to a port.
import { ElasticIpSchema } from "@photoncloud/proto/gen/prismnet/v1/elastic_ip_pb";
import { PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import type { NetworkObject } from "../../../backends/network/driver.ts";
import { StepError } from "../../../engine/reconciler.ts";
import { ownerOf } from "../../driver-step.ts";
import { type NetworkPart, networkReconciler, type ObjectContext } from "../../network-part.ts";

async function elasticIpOf(context: ObjectContext<typeof ElasticIpSchema>): Promise<NetworkObject | undefined> {
  const { id, key, resource } = context;
  const { address = "", portId } = resource;
  if (portId === undefined) return undefined;
  const port = await context.related(PortSchema, portId);
  const subnet = port && (await context.related(SubnetSchema, port.subnetId));
  if (subnet === undefined) throw new StepError("PortGone", `port ${portId} does not exist any more`);
  return {
    type: "elastic-ip",
    id,
    owner: ownerOf(key.tenant),
    vpcId: subnet.vpcId,
    address,
    portId,
    portAddress: (address.includes(":") ? port?.ipv6Address : port?.ipAddress) ?? "",
  };
}

export const elasticIpNetwork: NetworkPart<typeof ElasticIpSchema> = {
  schema: ElasticIpSchema,
  objects: [{ type: "elastic-ip", of: elasticIpOf }],
};

export const elasticIpReconciler = networkReconciler(elasticIpNetwork);
