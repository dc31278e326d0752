// A tenant's port. Its name is the port's id: what hosts plug devices into.
import type { PortSpec } from "../../driver.ts";
import { idIn } from "../marks.ts";
import { checkedAddress, checkedDomain, checkedMac, checkedName, checkedNumber, familyOf, quoted } from "./checked.ts";
import { dhcpColumns } from "./dhcp.ts";
import { mainMarksOf, marksOf } from "./external-ids.ts";
import { broughtBy } from "./filter-place.ts";
import { linkLocalOf } from "./link-local.ts";
import { switchPortRow } from "./lsp.ts";
import { throughPort } from "./match.ts";
import { inSet } from "./members.ts";
import type { Compiled, Membership, View, WantedRow } from "./row.ts";
import { dhcpUuid, dropGroupUuid, filterGroupUuid, freeGroupUuid, rowUuid } from "./uuids.ts";

export function compilePort(object: PortSpec, view: View): Compiled {
  const mac = checkedMac(object.macAddress);
  const honest = [mac, ...object.ipAddresses.map(checkedAddress)].join(" ");
  // Also of a port that forwards: packets to its MAC come whatever address they are for, and of a port with "unknown" the switch would tell nobody.
  const answered = [honest, ...linkLocal(object)].join(" ");
  const port = switchPortRow({
    uuid: rowUuid(object),
    name: checkedName(object.id),
    switchUuid: switchOf(object),
    type: "",
    addresses: [answered],
    options: hostnameOf(object),
    marks: mainMarksOf(object),
    more: { port_security: new Set([object.forwarding ? mac : honest]), ...dhcpOf(object.subnetId, view) },
    groups: groupsOf(object),
  });
  const brought = object.securityGroupIds.flatMap((id) => broughtBy(id, object.vpcId, view));
  return { rows: [port, ...limits(object), ...brought], patches: [] };
}

/**
 * The switch itself tells others where a port's link-local address is: OVN 23.03's port security drops the port's own answer (its flows look
 * for a hop limit of 225 where RFC 4861 has 255).
 */
function linkLocal({ ipAddresses, macAddress }: PortSpec): string[] {
  return ipAddresses.some((address) => familyOf(address) === 6) ? [linkLocalOf(macAddress)] : [];
}

function switchOf({ subnetId }: PortSpec): string {
  return rowUuid({ type: "switch", id: subnetId });
}

function hostnameOf({ hostname }: PortSpec): ReadonlyMap<string, string> {
  return hostname === "" ? new Map() : new Map([["hostname", quoted(checkedDomain(hostname))]]);
}

function dhcpOf(subnetId: string, view: View) {
  const v4 = view.has({ type: "dhcp", id: subnetId });
  const v6 = v4 && idIn(view.row(dhcpUuid(subnetId, 6))?.row, "photon:subnet") === subnetId;
  return dhcpColumns(subnetId, { v4, v6 });
}

/** Every port is in its VPC's drop group; one without a filter is in the group that may send anywhere. */
function groupsOf({ vpcId, securityGroupIds }: PortSpec): Membership[] {
  const filters =
    securityGroupIds.length === 0 ? [freeGroupUuid(vpcId)] : securityGroupIds.map((id) => filterGroupUuid(id, vpcId));
  return [dropGroupUuid(vpcId), ...filters].map((uuid) => inSet("Port_Group", uuid, "ports"));
}

/** Meters drop what comes too fast. TCP needs a burst of nearly a second's worth to come near the rate. */
const burstShare = 0.8;

function limits(object: PortSpec): WantedRow[] {
  const { ingressKbps, egressKbps } = object.bandwidth;
  return [
    ...(ingressKbps === undefined ? [] : [limit(object, "ingress", ingressKbps)]),
    ...(egressKbps === undefined ? [] : [limit(object, "egress", egressKbps)]),
  ];
}

function limit(object: PortSpec, role: "ingress" | "egress", kbps: number): WantedRow {
  const rate = checkedNumber(kbps, 1, 4_000_000_000);
  const bandwidth = new Map([
    ["rate", rate],
    ["burst", Math.ceil(rate * burstShare)],
  ]);
  return {
    table: "QoS",
    uuid: rowUuid(object, `limit ${role}`),
    columns: {
      priority: 2002,
      direction: role === "ingress" ? "to-lport" : "from-lport",
      match: throughPort(role === "ingress" ? "outport" : "inport", object.id),
      bandwidth,
      external_ids: marksOf(object, { role }),
    },
    memberOf: [inSet("Logical_Switch", switchOf(object), "qos_rules")],
  };
}
