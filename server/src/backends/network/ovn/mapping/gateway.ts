// A VPC's way out: a router port on the external network's switch, bound to one gateway host at a time, where sources become its address.
import type { GatewaySpec } from "../../driver.ts";
import { addressOf, checkedAddress, checkedCidr, checkedMac, ofFamily } from "./checked.ts";
import { mainMarksOf, marksOf } from "./external-ids.ts";
import { gatewayGroup } from "./external-network.ts";
import { switchPortRow } from "./lsp.ts";
import { inSet } from "./members.ts";
import { gatewayPortName, gatewaySidePortName } from "./names.ts";
import { viaGateway } from "./route.ts";
import type { Compiled, View, WantedRow } from "./row.ts";
import { routeRow } from "./static-route.ts";
import { gatewayGroupUuid, rowUuid } from "./uuids.ts";

const routerOf = ({ id }: GatewaySpec) => rowUuid({ type: "router", id });

export function compileGateway(object: GatewaySpec, view: View): Compiled {
  const port: WantedRow = {
    table: "Logical_Router_Port",
    uuid: rowUuid(object),
    columns: {
      name: gatewayPortName(object.id),
      mac: checkedMac(object.macAddress),
      networks: new Set([checkedCidr(object.address)]),
      peer: undefined,
      ha_chassis_group: gatewayGroupUuid(object.externalNetworkId),
      options: new Map(),
      ipv6_ra_configs: new Map(),
      external_ids: mainMarksOf(object, { nexthop: checkedAddress(object.nextHop) }),
    },
    memberOf: [inSet("Logical_Router", routerOf(object), "ports")],
  };
  const rows = [gatewayGroup(object.externalNetworkId), switchSide(object), wayOut(object), ...disguises(object)];
  return { rows: [port, ...rows], patches: followers(object, view) };
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

function wayOut(object: GatewaySpec): WantedRow {
  return routeRow({
    uuid: rowUuid(object, "way out"),
    vpcId: object.id,
    destination: "0.0.0.0/0",
    nextHop: object.nextHop,
    outputPort: gatewayPortName(object.id),
    marks: marksOf(object),
  });
}

/** SNAT: one row for each of the VPC's networks. */
function disguises(object: GatewaySpec): WantedRow[] {
  return ofFamily(object.cidrs, 4).map((cidr) => ({
    table: "NAT",
    uuid: rowUuid(object, `snat ${cidr}`),
    columns: {
      type: "snat",
      external_ip: addressOf(object.address),
      logical_ip: cidr,
      options: new Map(),
      external_ids: marksOf(object),
    },
    memberOf: [inSet("Logical_Router", routerOf(object), "nat")],
  }));
}

/** Routes to the gateway follow it when it is joined to another network. */
function followers(object: GatewaySpec, view: View) {
  return view.rowsWith("Logical_Router_Static_Route", "photon:target", viaGateway(object.id)).map(({ uuid }) => ({
    table: "Logical_Router_Static_Route" as const,
    uuid,
    columns: { nexthop: object.nextHop },
  }));
}
