// Which object stands on which.
import type { NetworkObject, NetworkObjectId } from "../driver.ts";

export function keyOf({ type, id }: NetworkObjectId): string {
  return `${type}/${id}`;
}

/** The objects that must be there before this one, and that can't go before it. */
export function standsOn(object: NetworkObject): readonly NetworkObjectId[] {
  switch (object.type) {
    case "router":
    case "filter":
    case "addresses":
      return [];
    case "switch":
      return [{ type: "router", id: object.vpcId }];
    case "router-port":
      return [
        { type: "router", id: object.vpcId },
        { type: "switch", id: object.id },
      ];
    case "dhcp":
      return [{ type: "switch", id: object.id }];
    case "port":
      return [
        { type: "switch", id: object.subnetId },
        ...object.securityGroupIds.map((id) => ({ type: "filter" as const, id })),
      ];
  }
}
