// A VPC's way out: a router port on the external network's switch, bound to one gateway host at a time, where sources become its address.
import type { GatewaySpec } from "../../driver.ts";
import { addressOf, checkedAddress, checkedCidr, checkedMac, type Family, familyOfCidr, ofFamily } from "./checked.ts";
import { mainMarksOf, marksOf } from "./external-ids.ts";
import { gatewayGroup } from "./external-network.ts";
import { switchPortRow } from "./lsp.ts";
import { inSet } from "./members.ts";
import { gatewayPortName, gatewaySidePortName } from "./names.ts";
import { viaGateway } from "./route.ts";
import type { Compiled, View, WantedRow } from "./row.ts";
import { nextHopMark, routeRow } from "./static-route.ts";
import { gatewayGroupUuid, rowUuid } from "./uuids.ts";

const routerOf = ({ id }: GatewaySpec) => rowUuid({ type: "router", id });

/** What the gateway is in a family. */
interface Way {
  readonly family: Family;
  /** With its prefix length. */
  readonly address: string;
  readonly nextHop: string;
}

function waysOf({ address, nextHop, ipv6 }: GatewaySpec): readonly Way[] {
  return [{ family: 4, address, nextHop }, ...(ipv6 === undefined ? [] : [{ family: 6, ...ipv6 } as const])];
}

export function compileGateway(object: GatewaySpec, view: View): Compiled {
  const ways = waysOf(object);
  const hops = ways.map(({ family, nextHop }) => [nextHopMark(family), checkedAddress(nextHop)]);
  const port: WantedRow = {
    table: "Logical_Router_Port",
    uuid: rowUuid(object),
    columns: {
      name: gatewayPortName(object.id),
      mac: checkedMac(object.macAddress),
      networks: new Set(ways.map(({ address }) => checkedCidr(address))),
      peer: undefined,
      ha_chassis_group: gatewayGroupUuid(object.externalNetworkId),
      options: new Map(),
      ipv6_ra_configs: new Map(),
      external_ids: mainMarksOf(object, Object.fromEntries(hops)),
    },
    memberOf: [inSet("Logical_Router", routerOf(object), "ports")],
  };
  const out = ways.flatMap((way) => [wayOut(object, way), ...disguises(object, way)]);
  const rows = [gatewayGroup(object.externalNetworkId), switchSide(object), ...out];
  return { rows: [port, ...rows], patches: ways.flatMap((way) => followers(object, way, view)) };
}

/** The gateway host tells the wire where the router's addresses are, when it becomes the gateway. */
function switchSide(object: GatewaySpec): WantedRow {
  return switchPortRow({
    uuid: rowUuid(object, "switch-side"),
    name: gatewaySidePortName(object.id),
    switchUuid: rowUuid({ type: "external-network", id: object.externalNetworkId }),
    type: "router",
    addresses: ["router"],
    options: new Map([
      ["router-port", gatewayPortName(object.id)],
      ["nat-addresses", "router"],
      ["exclude-lb-vips-from-garp", "true"],
    ]),
    marks: marksOf(object),
  });
}

function wayOut(object: GatewaySpec, { family, nextHop }: Way): WantedRow {
  return routeRow({
    uuid: rowUuid(object, family === 4 ? "way out" : "way out ip6"),
    vpcId: object.id,
    destination: family === 4 ? "0.0.0.0/0" : "::/0",
    nextHop,
    outputPort: gatewayPortName(object.id),
    marks: marksOf(object),
  });
}

/** SNAT: one row for each of the VPC's networks of the family. */
function disguises(object: GatewaySpec, { family, address }: Way): WantedRow[] {
  return ofFamily(object.cidrs, family).map((cidr) => ({
    table: "NAT",
    uuid: rowUuid(object, `snat ${cidr}`),
    columns: {
      type: "snat",
      external_ip: addressOf(address),
      logical_ip: cidr,
      options: new Map(),
      external_ids: marksOf(object),
    },
    memberOf: [inSet("Logical_Router", routerOf(object), "nat")],
  }));
}

/** Routes to the gateway follow it when it is joined to another network. */
function followers(object: GatewaySpec, { family, nextHop }: Way, view: View) {
  return view
    .rowsWith("Logical_Router_Static_Route", "photon:target", viaGateway(object.id))
    .filter(({ row }) => familyOfCidr(String(row.ip_prefix)) === family)
    .map(({ uuid }) => ({ table: "Logical_Router_Static_Route" as const, uuid, columns: { nexthop: nextHop } }));
}
