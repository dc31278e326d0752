// Which networks a route may steer to.
import { PeeringSchema } from "@photoncloud/proto/gen/prismnet/v1/peering_pb";
import type { Route } from "@photoncloud/proto/gen/prismnet/v1/route_pb";
import type { Vpc } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { invalidField } from "../../../fault.ts";
import { encloses, formatNetwork, type IpNetwork, parseNetwork } from "../../../ip.ts";
import type { Admission } from "../../kind.ts";
import { guardPeerings } from "../peering/sides.ts";

/** Networks that routers never forward to (RFC 6890), and what the cloud itself uses of them. Wider destinations, like 0.0.0.0/0, are none of them. */
const special: Readonly<Record<string, string>> = {
  "0.0.0.0/8": "this host on this network",
  "127.0.0.0/8": "loopback",
  "169.254.0.0/16": "link-local; the metadata service and the links between peers are there",
  "224.0.0.0/3": "multicast and reserved",
  "::/127": "loopback and unspecified",
  "fe80::/10": "link-local; the metadata service is there",
  "ff00::/8": "multicast",
};

/** @throws Fault INVALID_FIELDS on "destination". */
export function parseDestination({ destination }: Route): IpNetwork {
  const network = parseNetwork(destination);
  if (network === undefined)
    throw invalidField("destination", "format", `${destination} is no network; write one like 192.168.0.0/16`);
  if (formatNetwork(network) !== destination)
    throw invalidField("destination", "format", `${destination} has host bits set; write ${formatNetwork(network)}`);
  return network;
}

function isInside(inner: IpNetwork, cidr: string): boolean {
  const outer = parseNetwork(cidr);
  return outer !== undefined && encloses(outer, inner);
}

async function checkPeers(admission: Admission, { vpcId, destination }: Route, network: IpNetwork): Promise<void> {
  guardPeerings(admission, admission.tenant, vpcId);
  for (const { id, message } of await admission.list(PeeringSchema)) {
    const taken = message.vpcId === vpcId && message.peerCidrs.find((cidr) => isInside(network, cidr));
    if (taken)
      throw invalidField(
        "destination",
        "overlap",
        `${destination} is inside ${taken}, to which peering ${id} leads; delete the peering, or use a network outside of it`,
      );
  }
}

/** @throws Fault INVALID_FIELDS on "destination". */
export async function checkDestination(admission: Admission, route: Route, vpc: Vpc): Promise<void> {
  const network = parseDestination(route);
  for (const [block, use] of Object.entries(special)) {
    const reserved = parseNetwork(block);
    if (reserved !== undefined && encloses(reserved, network))
      throw invalidField(
        "destination",
        "range",
        `${route.destination} is inside ${block} (${use}); no route leads there`,
      );
  }
  const own = [vpc.cidr, vpc.ipv6Cidr ?? ""].find((cidr) => isInside(network, cidr));
  if (own !== undefined)
    throw invalidField(
      "destination",
      "range",
      `${route.destination} is inside the VPC's own ${own}, where subnets say what is reached; use a network outside of it, or a larger one`,
    );
  await checkPeers(admission, route, network);
}
