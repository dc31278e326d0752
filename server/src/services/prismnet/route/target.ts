// Where a route may lead.
import { PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import type { Route } from "@photoncloud/proto/gen/prismnet/v1/route_pb";
import { SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import type { Vpc } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { Fault, invalidField } from "../../../fault.ts";
import type { IpNetwork } from "../../../ip.ts";
import { formatPath } from "../../call.ts";
import type { Admission } from "../../kind.ts";
import { needGateway } from "../vpc/gateway.ts";

const path = "target_port_id";

/** What routes lead to a port. */
const routesTo = (portId: string) => `routes to|${portId}`;

/** A port forwards while a route leads to it. @throws Fault STILL_REFERENCED, naming the routes */
export async function refuseWhileRouted(admission: Admission, portId: string): Promise<void> {
  admission.guard(routesTo(portId));
  const routes = [...(await admission.claimed(routesTo(portId)))].sort();
  if (routes.length === 0) return;
  const resources = routes.map((id) => formatPath({ ...admission.tenant, type: "route", id }));
  const message = `port ${portId} has to forward while ${resources.join(", ")} leads to it; delete or change that first`;
  const violations = [{ path: "forwarding", rule: "in_use", message }];
  throw new Fault("STILL_REFERENCED", message, { violations, resources });
}

function leadTo(admission: Admission, portId: string, routeId: string): void {
  admission.guard(routesTo(portId));
  admission.claim({ space: routesTo(portId), key: routeId });
}

/** @throws Fault INVALID_FIELDS on "target_port_id". */
async function checkPort(admission: Admission, vpcId: string, id: string, family: 4 | 6): Promise<void> {
  const { message: port } = await admission.reference(PortSchema, id, path);
  const { message: subnet } = await admission.reference(SubnetSchema, port.subnetId, path);
  if (subnet.vpcId !== vpcId)
    throw invalidField(path, "conflict", `port ${id} is in vpc ${subnet.vpcId}; name a port of ${vpcId}`);
  if (port.forwarding !== true)
    throw invalidField(
      path,
      "conflict",
      `port ${id} does not forward packets of others; set its forwarding to true first`,
    );
  if (family === 6 && port.ipv6Address === undefined)
    throw invalidField(path, "conflict", `port ${id} has no IPv6 address; name one that has, or an IPv4 destination`);
}

/** @throws Fault INVALID_FIELDS on "elastic_gateway". */
function checkGateway({ id, externalNetworkId, egressIpv6Address }: Vpc, family: 4 | 6): void {
  if (externalNetworkId === undefined)
    throw invalidField(
      "elastic_gateway",
      "conflict",
      `vpc ${id} is closed; set its external_network_id first, or choose another target`,
    );
  if (family === 6 && egressIpv6Address === "")
    throw invalidField(
      "elastic_gateway",
      "conflict",
      `vpc ${id} has no IPv6 outside: it and its external network must both have an ipv6_cidr; use an IPv4 destination, or lead to a port`,
    );
}

/** Checks the target where it is new, and says what the route needs. @throws Fault INVALID_FIELDS */
export async function admitTarget(
  admission: Admission,
  { id, vpcId, target }: Route,
  vpc: Vpc,
  { family }: IpNetwork,
  isNew: boolean,
): Promise<void> {
  switch (target.case) {
    case "targetPortId":
      if (isNew) await checkPort(admission, vpcId, target.value, family);
      return leadTo(admission, target.value, id);
    case "elasticGateway":
      checkGateway(vpc, family);
      return needGateway(admission, vpcId, { noun: "route", id, family });
    case "drop":
      return;
    default:
      throw invalidField(path, "required", "it leads nowhere; give one of target_port_id, elastic_gateway and drop");
  }
}
