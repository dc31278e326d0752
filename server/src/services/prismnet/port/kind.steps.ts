// A port is a switch port with its filters; whether it is up is what the network says.
import { VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { type Bandwidth, DeviceType, PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import type { NetworkObject, PortSpec } from "../../../backends/network/driver.ts";
import { StepError } from "../../../engine/reconciler.ts";
import { driverStep, ownerOf } from "../../driver-step.ts";
import { type NetworkPart, networkReconciler, type ObjectContext } from "../../network-part.ts";

type Context = ObjectContext<typeof PortSchema>;

/** What a guest is called by DHCP: as the machine that is plugged in, else as the port. */
async function hostnameOf({ resource, related }: Context): Promise<string> {
  const isVm = resource.deviceType === DeviceType.VM;
  const vm = isVm ? await related(VmSchema, resource.deviceId) : undefined;
  return vm?.name ?? resource.name;
}

function bandwidthOf({ ingressKbps, egressKbps }: Partial<Bandwidth> = {}): PortSpec["bandwidth"] {
  return { ...(ingressKbps !== undefined && { ingressKbps }), ...(egressKbps !== undefined && { egressKbps }) };
}

async function portOf(context: Context): Promise<NetworkObject> {
  const { id, key, resource } = context;
  const { subnetId, macAddress, ipAddress = "", ipv6Address, securityGroupIds, forwarding = false } = resource;
  const subnet = await context.related(SubnetSchema, subnetId);
  if (subnet === undefined) throw new StepError("SubnetGone", `subnet ${subnetId} does not exist any more`);
  return {
    type: "port",
    id,
    subnetId,
    vpcId: subnet.vpcId,
    owner: ownerOf(key.tenant),
    macAddress,
    forwarding,
    ipAddresses: ipv6Address === undefined ? [ipAddress] : [ipAddress, ipv6Address],
    securityGroupIds: securityGroupIds.toSorted(),
    hostname: await hostnameOf(context),
    bandwidth: bandwidthOf(resource.bandwidth),
  };
}

export const portNetwork: NetworkPart<typeof PortSchema> = {
  schema: PortSchema,
  objects: [{ type: "port", of: portOf }],
};

/** A port that nothing is plugged into is as it should be: its state is told, never waited for. */
const status = driverStep<typeof PortSchema>({
  name: "status",
  async ensure({ id, drivers, signal, observe }) {
    const seen = await drivers.network.portStatus(id, signal);
    observe({ up: seen?.up ?? false });
  },
  remove: async () => {},
});

export const portReconciler = networkReconciler(portNetwork, { steps: [status] });
