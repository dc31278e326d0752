// For the slices' tests: an external network, and a port of a VPC that is joined to it.
import { ExternalNetworkSchema } from "@photoncloud/proto/gen/prismnet/v1/external_network_pb";
import { PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { acme, type SmallCloud } from "./small-cloud.ts";

let made = 0;
const aName = () => `outside-${++made}`;

/** Makes an external network on a wire of its own. Answers its id. */
export async function makeExternalNetwork(
  cloud: SmallCloud,
  cidr = "203.0.113.0/24",
  ipv6Cidr?: string,
): Promise<string> {
  const id = aName();
  const six = ipv6Cidr === undefined ? {} : { ipv6Cidr };
  await cloud.make(ExternalNetworkSchema, { orgId: "", projectId: "", id, cidr, ...six, physicalNetwork: id });
  return id;
}

/** Makes a VPC; without an external network it is closed. */
export async function makeVpc(cloud: SmallCloud, externalNetworkId?: string, tenant = acme, ipv6Cidr?: string) {
  const values = { ...tenant, name: aName(), cidr: "10.0.0.0/16", ...(ipv6Cidr !== undefined && { ipv6Cidr }) };
  return cloud.make(VpcSchema, externalNetworkId === undefined ? values : { ...values, externalNetworkId });
}

/** Makes a port in a subnet of its own. */
export async function makePort(cloud: SmallCloud, vpcId: string, values: { readonly forwarding?: boolean } = {}) {
  const subnet = await cloud.make(SubnetSchema, { name: aName(), vpcId });
  return cloud.make(PortSchema, { name: aName(), subnetId: subnet.id, ...values });
}
