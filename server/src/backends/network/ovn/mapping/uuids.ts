// The UUIDs of our rows: they follow from the object's type and id and from what the row is in it, so that every write may be sent twice.
import { hash } from "node:crypto";
import type { NetworkObjectId } from "../../driver.ts";

/** Keeps our UUIDs apart from those of other programs that hash names: a UUID that was drawn once. */
const namespace = Buffer.from("6f0a1c52f6b34e0b9d1f7f3c1f0f8a2e", "hex").toString("latin1");

/** The UUID (version 5, RFC 9562 section 5.5) of one row of an object. `role` tells its rows apart; the main row's is "". */
export function rowUuid({ type, id }: NetworkObjectId, role = ""): string {
  const digest = hash("sha1", Buffer.from(`${namespace}${type}/${id}/${role}`, "latin1"), "hex");
  const variant = "89ab"[Number.parseInt(digest.charAt(16), 16) & 3];
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-5${digest.slice(13, 16)}-${variant}${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}

/** The group that every port of a VPC is in, whose rules drop what no filter allows. */
export function dropGroupUuid(vpcId: string): string {
  return rowUuid({ type: "router", id: vpcId }, "drop");
}

/** The group of a VPC's ports that have no filter: they may send anywhere. */
export function freeGroupUuid(vpcId: string): string {
  return rowUuid({ type: "router", id: vpcId }, "free");
}

/** The hosts that may be the gateways of an external network. */
export function gatewayGroupUuid(externalNetworkId: string): string {
  return rowUuid({ type: "external-network", id: externalNetworkId }, "gateways");
}

/** The group of a filter's ports. */
export function filterGroupUuid(securityGroupId: string): string {
  return rowUuid({ type: "filter", id: securityGroupId });
}

/** A subnet's DHCP options of a family. */
export function dhcpUuid(subnetId: string, family: 4 | 6): string {
  return rowUuid({ type: "dhcp", id: subnetId }, family === 4 ? "" : "v6");
}
