// One side of the link between two VPCs' routers: a router port whose peer is the other side's, routes, and what may come over it.
import { DriverError } from "../../../driver-error.ts";
import type { PeeringSpec } from "../../driver.ts";
import { addressOf, checkedAddress, checkedCidr, type Family, familyOf, familyOfCidr } from "./checked.ts";
import { type ExternalIds, mainMarksOf, marksOf } from "./external-ids.ts";
import { linkLocalOf } from "./link-local.ts";
import { all, notAmong, throughPort } from "./match.ts";
import { inSet } from "./members.ts";
import { peeringPortName } from "./names.ts";
import { withPeering } from "./peering-rules.ts";
import type { Compiled, View, WantedRow } from "./row.ts";
import { routeRow } from "./static-route.ts";
import { rowUuid } from "./uuids.ts";

export function compilePeering(object: PeeringSpec, view: View): Compiled {
  const port: WantedRow = {
    table: "Logical_Router_Port",
    uuid: rowUuid(object),
    columns: {
      name: ownName(object),
      mac: linkMac(addressOf(object.linkAddress)),
      networks: new Set([checkedCidr(object.linkAddress)]),
      peer: peeringPortName(object.peerVpcId, object.vpcId),
      ha_chassis_group: undefined,
      options: new Map(),
      ipv6_ra_configs: new Map(),
      external_ids: mainMarksOf(object, { peer: object.peerVpcId, "peer-owner": object.peerOwner }),
    },
    memberOf: [inSet("Logical_Router", routerOf(object), "ports")],
  };
  const rules = withPeering(object, view);
  return { rows: [port, ...routes(object), gate(object, 4), gate(object, 6), ...rules.rows], patches: rules.patches };
}

const ownName = ({ vpcId, peerVpcId }: PeeringSpec) => peeringPortName(vpcId, peerVpcId);
const routerOf = ({ vpcId }: PeeringSpec) => rowUuid({ type: "router", id: vpcId });

function routes(object: PeeringSpec): WantedRow[] {
  return object.peerCidrs.map((destination) =>
    routeRow({
      uuid: rowUuid(object, `route ${destination}`),
      vpcId: object.vpcId,
      destination,
      nextHop:
        familyOfCidr(destination) === 4
          ? checkedAddress(object.peerLinkAddress)
          : linkLocalOf(linkMac(object.peerLinkAddress)),
      outputPort: ownName(object),
      marks: marksOf(object),
    }),
  );
}

/** The peer may send from its own networks alone: nobody forges a source, and a peer's peer does not come through. */
function gate(object: PeeringSpec, family: Family): WantedRow {
  const marks: ExternalIds = marksOf(object, { rule: `only the peer, ip${family}` });
  return {
    table: "Logical_Router_Policy",
    uuid: rowUuid(object, `gate ip${family}`),
    columns: {
      priority: 1000,
      match: all(throughPort("inport", ownName(object)), notAmong("src", family, object.peerCidrs)),
      action: "drop",
      external_ids: marks,
    },
    memberOf: [inSet("Logical_Router", routerOf(object), "policies")],
  };
}

/** A link's ends differ in their addresses, so in their MACs: locally administered, and no subnet's gateway's. */
function linkMac(address: string): string {
  return ["0a", "01", ...bytesOf(address)].join(":");
}

function bytesOf(address: string): string[] {
  if (familyOf(address) !== 4) throw new DriverError("refused", `${address} is no IPv4 address`);
  return address.split(".").map((byte) => Number(byte).toString(16).padStart(2, "0"));
}
