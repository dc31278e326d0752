// Rows of the table Logical_Router_Static_Route.
import { checkedAddress, type Family, networkOf } from "./checked.ts";
import type { ExternalIds } from "./external-ids.ts";
import { inSet } from "./members.ts";
import type { WantedRow } from "./row.ts";
import { rowUuid } from "./uuids.ts";

export interface StaticRoute {
  readonly uuid: string;
  readonly vpcId: string;
  readonly destination: string;
  /** An address; "discard": packets are dropped. */
  readonly nextHop: string;
  /** The router's port that it is behind. */
  readonly outputPort?: string;
  readonly marks: ExternalIds;
}

/** The mark by which a gateway tells its next hop of a family. */
export const nextHopMark = (family: Family) => (family === 4 ? "nexthop" : "nexthop-v6");

export function routeRow(route: StaticRoute): WantedRow {
  return {
    table: "Logical_Router_Static_Route",
    uuid: route.uuid,
    columns: {
      ip_prefix: networkOf(route.destination),
      nexthop: route.nextHop === "discard" ? "discard" : checkedAddress(route.nextHop),
      output_port: route.outputPort,
      external_ids: route.marks,
    },
    memberOf: [inSet("Logical_Router", rowUuid({ type: "router", id: route.vpcId }), "static_routes")],
  };
}
