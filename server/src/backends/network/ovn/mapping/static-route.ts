// Rows of the table Logical_Router_Static_Route.
import { checkedAddress, networkOf } from "./checked.ts";
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
