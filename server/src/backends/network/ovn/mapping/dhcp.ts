// A subnet's DHCP, of both families. OVN's parser takes lists in braces and strings in quotes; one that it can't read takes DHCP from every
// port of the subnet without a word, so everything is checked.
import { DriverError } from "../../../driver-error.ts";
import type { DhcpSpec } from "../../driver.ts";
import {
  checkedAddress,
  checkedDomain,
  checkedMac,
  checkedNumber,
  type Family,
  familyOf,
  familyOfCidr,
  networkOf,
  quoted,
} from "./checked.ts";
import { mainMarksOf, marksOf } from "./external-ids.ts";
import type { Compiled, Patch, View, WantedRow } from "./row.ts";
import { dhcpUuid } from "./uuids.ts";

/** Seconds. Guests ask again after half of it, so a changed option reaches them within half an hour. */
const leaseTime = 3600;

export function compileDhcp(object: DhcpSpec, view: View): Compiled {
  const rows: [WantedRow, ...WantedRow[]] = [rowV4(object)];
  if (object.ipv6Cidr !== undefined) rows.push(rowV6(object, object.ipv6Cidr));
  return { rows, patches: patches(object, view) };
}

/** The columns of a subnet's port that say by what it is answered, for each family that is there. */
export function dhcpColumns(subnetId: string, families: { readonly v4: boolean; readonly v6: boolean }) {
  return {
    dhcpv4_options: families.v4 ? dhcpUuid(subnetId, 4) : undefined,
    dhcpv6_options: families.v6 ? dhcpUuid(subnetId, 6) : undefined,
  };
}

/** Ports that were there before: those that come later look for the options themselves. */
function patches(object: DhcpSpec, view: View): Patch[] {
  const columns = dhcpColumns(object.id, { v4: true, v6: object.ipv6Cidr !== undefined });
  return view
    .rowsWith("Logical_Switch_Port", "photon:subnet", object.id)
    .filter(({ row }) => row.external_ids instanceof Map && row.external_ids.get("photon:type") === "port")
    .map(({ uuid }) => ({ table: "Logical_Switch_Port", uuid, columns }));
}

function rowV4(object: DhcpSpec): WantedRow {
  if (familyOfCidr(object.cidr) !== 4) throw new DriverError("refused", `${object.cidr} is no IPv4 network`);
  const columns = { cidr: networkOf(object.cidr), options: optionsV4(object), external_ids: mainMarksOf(object) };
  return { table: "DHCP_Options", uuid: dhcpUuid(object.id, 4), columns, memberOf: [] };
}

function optionsV4(object: DhcpSpec): ReadonlyMap<string, string> {
  const gateway = checkedAddress(object.gateway);
  const domain = quoted(checkedDomain(object.domain));
  const names = serversOf(object, 4);
  return new Map([
    ["server_id", gateway],
    ["server_mac", checkedMac(object.macAddress)],
    ["router", gateway],
    ["lease_time", String(leaseTime)],
    ["T1", String(leaseTime / 2)],
    ["T2", String((leaseTime * 7) / 8)],
    ["mtu", String(checkedNumber(object.mtu, 576, 65_535))],
    ...(names.length === 0 ? [] : [["dns_server", list(names)] as const]),
    ["domain_name", domain],
    ["domain_search_list", domain],
    ["classless_static_route", routes(gateway, object.serviceAddress)],
  ]);
}

/** Guests that understand this option ignore the router option, so the default route is here too (RFC 3442). */
function routes(gateway: string, serviceAddress: string): string {
  return list([`169.254.169.254/32,${checkedAddress(serviceAddress)}`, `0.0.0.0/0,${gateway}`]);
}

function list(values: readonly string[]): string {
  return `{${values.join(", ")}}`;
}

/** The name servers of a family. */
function serversOf({ dnsServers }: DhcpSpec, family: Family): string[] {
  return dnsServers.filter((address) => familyOf(address) === family);
}

function rowV6(object: DhcpSpec, cidr: string): WantedRow {
  const names = serversOf(object, 6);
  const options = new Map([
    ["server_id", checkedMac(object.macAddress)],
    ...(names.length === 0 ? [] : [["dns_server", list(names)] as const]),
    ["domain_search", quoted(checkedDomain(object.domain))],
  ]);
  const columns = { cidr: networkOf(cidr), options, external_ids: marksOf(object) };
  return { table: "DHCP_Options", uuid: dhcpUuid(object.id, 6), columns, memberOf: [] };
}
