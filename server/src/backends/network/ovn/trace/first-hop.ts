// Where a port's packet goes first: to a neighbour in its subnet, to the cloud's own services there, or to the gateway.
import { includes, parseIp, parseNetwork } from "../../../../ip.ts";
import { metadataAddresses, type Packet } from "../../driver.ts";
import { rowUuid } from "../mapping/uuids.ts";
import { idIn } from "../marks.ts";
import type { Row } from "../ovsdb/database.ts";
import type { Known } from "./known.ts";
import type { TracedPacket } from "./microflow.ts";

/** A packet that goes out; or why none does. */
export type FirstHop = { readonly packet: TracedPacket } | { readonly because: string };

/** @param from The sending port's row. */
export function firstHop(known: Known, { fromPortId, toIp, protocol, port = 0 }: Packet, from: Row): FirstHop {
  const [sourceMac = "", ...own] = lineOf(from);
  const family = parseIp(toIp)?.family;
  const source = own.find((address) => parseIp(address)?.family === family);
  if (source === undefined) return { because: `${fromPortId} has no address of the family of ${toIp}` };
  const subnetId = idIn(from, "photon:subnet") ?? "";
  const target = targetOf(known, subnetId, toIp);
  if ("because" in target) return target;
  const packet = { inport: fromPortId, sourceMac, targetMac: target.mac, source, target: toIp, protocol, port };
  return { packet };
}

/** A port's MAC and its addresses. */
function lineOf({ addresses }: Row): string[] {
  const [line = ""] = addresses instanceof Set ? addresses : [addresses];
  return String(line).split(" ");
}

function targetOf(
  known: Known,
  subnetId: string,
  toIp: string,
): { readonly mac: string } | { readonly because: string } {
  const lines = known.rowsWith("Logical_Switch_Port", "photon:subnet", subnetId).map(({ row }) => lineOf(row));
  const [mac] = lines.find(([, ...addresses]) => addresses.includes(toIp)) ?? [];
  if (mac !== undefined) return { mac };
  const router = known.row(rowUuid({ type: "router-port", id: subnetId }))?.row;
  if (router === undefined) return { because: `${subnetId} is not joined to its router` };
  if (isNeighbour(router, toIp)) return { because: `no port of ${idIn(router, "photon:vpc")} has the address ${toIp}` };
  return { mac: String(router.mac) };
}

/** Whether a subnet's own ports ask for an address themselves; the router's own they get an answer for. */
function isNeighbour({ networks }: Row, toIp: string): boolean {
  const address = parseIp(toIp);
  const near = [...(networks instanceof Set ? networks : [networks])].map(String);
  if (address === undefined || near.some((network) => network.startsWith(`${toIp}/`))) return false;
  const isLinkLocal = toIp.startsWith("fe80:") || metadataAddresses.some((one) => one === toIp);
  return isLinkLocal || near.map(parseNetwork).some((network) => network !== undefined && includes(network, address));
}
