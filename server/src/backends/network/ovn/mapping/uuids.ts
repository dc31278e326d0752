// The UUIDs of our rows: they follow from the object's type and id and from what the row is in it, so that every write may be sent twice.
import { hash } from "node:crypto";
import type { NetworkObjectId } from "../../driver.ts";

/**
 * By role, then type, then id. Hashing costs more than anything else in compiling a port, and most of what a port names is named by its
 * neighbours too; a key put together for each look-up would cost half as much again.
 */
const known = new Map<string, Map<string, Map<string, string>>>();
let kept = 0;
const most = 50_000;

/** The UUID (version 8, RFC 9562 section 5.8: cut from a SHA-1) of one row of an object. `role` tells its rows apart; the main row's is "". */
export function rowUuid({ type, id }: NetworkObjectId, role = ""): string {
  return known.get(role)?.get(type)?.get(id) ?? keep(type, id, role);
}

function keep(type: string, id: string, role: string): string {
  const uuid = uuidOf(hash("sha1", `photoncloud ${type}/${id}/${role}`, "hex"));
  if (kept >= most) {
    known.clear();
    kept = 0;
  }
  kept++;
  const ofRole = known.get(role) ?? new Map<string, Map<string, string>>();
  const ofType = ofRole.get(type) ?? new Map<string, string>();
  known.set(role, ofRole.set(type, ofType.set(id, uuid)));
  return uuid;
}

function uuidOf(digest: string): string {
  const variant = "89ab".charAt(Number.parseInt(digest.charAt(16), 16) & 3);
  const words = [digest.slice(0, 8), digest.slice(8, 12), `8${digest.slice(13, 16)}`, variant + digest.slice(17, 20)];
  return [...words, digest.slice(20, 32)].join("-");
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

/** The group of a filter's ports in a VPC. */
export function filterGroupUuid(securityGroupId: string, vpcId: string): string {
  return rowUuid({ type: "filter", id: securityGroupId }, vpcId);
}

/** A subnet's DHCP options of a family. */
export function dhcpUuid(subnetId: string, family: 4 | 6): string {
  return rowUuid({ type: "dhcp", id: subnetId }, family === 4 ? "" : "v6");
}

/** The networks of a family in an address group. */
export function addressSetUuid(addressGroupId: string, family: 4 | 6): string {
  return rowUuid({ type: "addresses", id: addressGroupId }, family === 4 ? "" : "v6");
}
