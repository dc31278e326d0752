// What keeps two VPCs from being peered: addresses that both have, or that a peer of either has. Who is told names nothing of others.
import type { Peering } from "@photoncloud/proto/gen/prismnet/v1/peering_pb";
import type { Route } from "@photoncloud/proto/gen/prismnet/v1/route_pb";
import { type Fault, invalidField } from "../../../fault.ts";
import { encloses, overlaps, parseNetwork } from "../../../ip.ts";

/** The pair as the second side sees it. */
export interface Pair {
  readonly vpcId: string;
  readonly peerVpcId: string;
  readonly networks: readonly string[];
  readonly peerNetworks: readonly string[];
  /** The other active peerings of the own VPC, and of the peer's. */
  readonly peerings: readonly Peering[];
  readonly peersPeerings: readonly Peering[];
}

/** The first two that share addresses. */
function clash(some: readonly string[], others: readonly string[]): readonly [string, string] | undefined {
  for (const one of some)
    for (const other of others) {
      const [a, b] = [parseNetwork(one), parseNetwork(other)];
      if (a !== undefined && b !== undefined && overlaps(a, b)) return [one, other];
    }
  return undefined;
}

function refused(message: string): Fault {
  return invalidField("peer_vpc_id", "overlap", message);
}

/** @throws Fault INVALID_FIELDS, rule "overlap" */
export function checkOverlap(pair: Pair): void {
  const { vpcId, peerVpcId, networks, peerNetworks } = pair;
  const direct = clash(networks, peerNetworks);
  if (direct !== undefined)
    throw refused(
      `${direct[1]} of VPC ${peerVpcId} overlaps ${direct[0]} of the own VPC ${vpcId}; peered VPCs need addresses of their own`,
    );
  for (const other of pair.peerings) {
    const found = clash(other.peerCidrs, peerNetworks);
    if (found !== undefined)
      throw refused(
        `${found[1]} of VPC ${peerVpcId} overlaps ${found[0]} of VPC ${other.peerVpcId}, which ${vpcId} is peered with by ${other.id}; delete that peering first, or peer another VPC`,
      );
  }
  for (const other of pair.peersPeerings) {
    const found = clash(networks, other.peerCidrs);
    if (found !== undefined)
      throw refused(
        `${found[0]} of the own VPC ${vpcId} overlaps addresses of another peer of VPC ${peerVpcId}; peer a VPC with other addresses`,
      );
  }
}

/** The first route that leads into one of some networks. */
function into(networks: readonly string[], routes: readonly Route[]): Route | undefined {
  const parsed = networks.flatMap((cidr) => parseNetwork(cidr) ?? []);
  return routes.find(({ destination }) => {
    const inner = parseNetwork(destination);
    return inner !== undefined && parsed.some((outer) => encloses(outer, inner));
  });
}

/** What leads packets elsewhere that are meant for the other side. @throws Fault INVALID_FIELDS, rule "overlap" */
export function checkRoutes(
  { vpcId, peerVpcId, networks, peerNetworks }: Pick<Pair, "vpcId" | "peerVpcId" | "networks" | "peerNetworks">,
  routes: readonly Route[],
  peersRoutes: readonly Route[],
): void {
  const own = into(peerNetworks, routes);
  if (own !== undefined)
    throw refused(
      `route ${own.id} of VPC ${vpcId} leads to ${own.destination}, which is the peer's; delete the route first`,
    );
  if (into(networks, peersRoutes) !== undefined)
    throw refused(
      `VPC ${peerVpcId} has a route to addresses of the own VPC ${vpcId}; the route's owner has to delete it first`,
    );
}
