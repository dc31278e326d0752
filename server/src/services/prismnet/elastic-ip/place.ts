// Where an elastic IP may lead: to a port whose VPC is joined to the address's external network.
import type { ElasticIp } from "@photoncloud/proto/gen/prismnet/v1/elastic_ip_pb";
import { PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { type Vpc, VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { Fault, invalidField } from "../../../fault.ts";
import type { Admission } from "../../kind.ts";
import { externalNetworkIds } from "../external-network/kind.ts";

/** The VPC of a port. @throws Fault INVALID_FIELDS on "port_id" */
export async function vpcOfPort(admission: Admission, portId: string, path: string): Promise<Vpc> {
  const { message: port } = await admission.reference(PortSchema, portId, path);
  const { message: subnet } = await admission.reference(SubnetSchema, port.subnetId, path);
  return (await admission.reference(VpcSchema, subnet.vpcId, path)).message;
}

/** @throws Fault INVALID_FIELDS on "port_id": an IPv6 elastic IP leads to an IPv6 address. */
export async function checkIpv6(admission: Admission, portId: string): Promise<void> {
  const { message: port } = await admission.reference(PortSchema, portId, "port_id");
  if (port.ipv6Address !== undefined) return;
  throw invalidField(
    "port_id",
    "conflict",
    `port ${portId} has no IPv6 address; name one that has, or use an IPv4 elastic IP`,
  );
}

/** The external network that is meant where none is named. @throws Fault INVALID_FIELDS */
export async function meantNetwork(admission: Admission, vpc: Vpc | undefined): Promise<string> {
  if (vpc?.externalNetworkId !== undefined) return vpc.externalNetworkId;
  if (vpc !== undefined) throw notJoined(vpc, undefined);
  const ids = await externalNetworkIds(admission);
  const [only] = ids;
  if (only !== undefined && ids.length === 1) return only;
  const message =
    only === undefined
      ? "the cloud has no external network; its operator has to make one first"
      : `there are several external networks; name one of ${ids.join(", ")}`;
  throw invalidField("external_network_id", "required", message);
}

function notJoined(vpc: Vpc, externalNetworkId: string | undefined): Fault {
  const where = externalNetworkId === undefined ? "an external network" : `external network ${externalNetworkId}`;
  const now = vpc.externalNetworkId === undefined ? "it is closed" : `it is joined to ${vpc.externalNetworkId}`;
  const message = `vpc ${vpc.id} of the port is not joined to ${where} (${now}); set the VPC's external_network_id, or choose another port`;
  const violations = [{ path: "port_id", rule: "conflict", message }];
  return new Fault("INVALID_FIELDS", `port_id: ${message}`, { violations });
}

/** @throws Fault INVALID_FIELDS on "port_id" */
export function checkJoined({ externalNetworkId }: ElasticIp, vpc: Vpc): void {
  if (vpc.externalNetworkId !== externalNetworkId) throw notJoined(vpc, externalNetworkId);
}
