// The link between a subnet's switch and its VPC's router. With IPv6 the router advertises itself.
import type { RouterPortSpec } from "../../driver.ts";
import {
  addressOf,
  checkedAddress,
  checkedCidr,
  checkedDomain,
  checkedMac,
  checkedNumber,
  familyOfCidr,
} from "./checked.ts";
import { mainMarksOf, marksOf } from "./external-ids.ts";
import { switchPortRow } from "./lsp.ts";
import { inSet } from "./members.ts";
import { routerPortName, routerSidePortName } from "./names.ts";
import type { Compiled, WantedRow } from "./row.ts";
import { rowUuid } from "./uuids.ts";

export function compileRouterPort(object: RouterPortSpec): Compiled {
  const port: WantedRow = {
    table: "Logical_Router_Port",
    uuid: rowUuid(object),
    columns: {
      name: routerPortName(object.id),
      mac: checkedMac(object.macAddress),
      networks: new Set(object.addresses.map(checkedCidr)),
      peer: undefined,
      ha_chassis_group: undefined,
      options: new Map(),
      ipv6_ra_configs: advertisement(object),
      external_ids: mainMarksOf(object),
    },
    memberOf: [inSet("Logical_Router", rowUuid({ type: "router", id: object.vpcId }), "ports")],
  };
  return { rows: [port, switchSide(object)], patches: [] };
}

function switchSide(object: RouterPortSpec): WantedRow {
  return switchPortRow({
    uuid: rowUuid(object, "switch-side"),
    name: routerSidePortName(object.id),
    switchUuid: rowUuid({ type: "switch", id: object.id }),
    type: "router",
    addresses: ["router"],
    options: new Map([["router-port", routerPortName(object.id)]]),
    marks: marksOf(object),
  });
}

/**
 * Tells guests to ask DHCPv6 for their addresses (RFC 4861 section 4.2, the M flag), every 10 to 30 seconds and whenever they ask. Preferred to
 * others (RFC 4191): a guest that advertises itself, as software for containers does by mistake, OVN lets pass all filters.
 */
function advertisement({ addresses, mtu, names }: RouterPortSpec): ReadonlyMap<string, string> {
  if (addresses.every((address) => familyOfCidr(address) === 4 || isLinkLocal(address))) return new Map();
  return new Map([
    ["address_mode", "dhcpv6_stateful"],
    ["router_preference", "HIGH"],
    ["send_periodic", "true"],
    ["min_interval", "10"],
    ["max_interval", "30"],
    ["mtu", String(checkedNumber(mtu, 1280, 65_535))],
    ...(names === undefined ? [] : namesIn(names)),
  ]);
}

/** OVN tells one name server. */
function namesIn({ dnsServer, domain }: NonNullable<RouterPortSpec["names"]>) {
  return [
    ["rdnss", checkedAddress(dnsServer)],
    ["dnssl", checkedDomain(domain)],
  ] as const;
}

function isLinkLocal(address: string): boolean {
  return addressOf(address).toLowerCase().startsWith("fe80:");
}
