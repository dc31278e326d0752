// Which object stands on which: what must be there before it, and can't go before it.
import type { NetworkObject, NetworkObjectId } from "./driver.ts";

export function keyOf({ type, id }: NetworkObjectId): string {
  return `${type}/${id}`;
}

/** The objects that must be there before this one, and that can't go before it. */
export function standsOn(object: NetworkObject): readonly NetworkObjectId[] {
  switch (object.type) {
    case "router":
    case "filter":
    case "addresses":
    case "external-network":
      return [];
    case "switch":
    case "peering":
    case "flow-log":
      return [router(object.vpcId)];
    case "router-port":
      return [router(object.vpcId), { type: "switch", id: object.id }];
    case "dhcp":
    case "service-port":
      return [{ type: "switch", id: object.id }];
    case "port":
      return [
        { type: "switch", id: object.subnetId },
        ...object.securityGroupIds.map((id) => ({ type: "filter" as const, id })),
      ];
    case "gateway":
      return [router(object.id), { type: "external-network", id: object.externalNetworkId }];
    case "elastic-ip":
      return [
        { type: "gateway", id: object.vpcId },
        { type: "port", id: object.portId },
      ];
    case "route":
      return [router(object.vpcId), ...targetOf(object.vpcId, object.target)];
  }
}

function router(vpcId: string): NetworkObjectId {
  return { type: "router", id: vpcId };
}

function targetOf(vpcId: string, target: Extract<NetworkObject, { type: "route" }>["target"]): NetworkObjectId[] {
  switch (target.type) {
    case "address":
      return [
        { type: "port", id: target.portId },
        { type: "router-port", id: target.subnetId },
      ];
    case "gateway":
      return [{ type: "gateway", id: vpcId }];
    case "drop":
      return [];
  }
}

/** The VPCs whose hosts an object concerns by itself. Empty: those of whatever uses it (a filter's ports). */
export function vpcsOf(object: NetworkObject): readonly string[] {
  switch (object.type) {
    case "filter":
    case "addresses":
    case "external-network":
      return [];
    case "router":
    case "gateway":
      return [object.id];
    case "peering":
      return [object.vpcId, object.peerVpcId];
    default:
      return [object.vpcId];
  }
}
