// A tenant's static route.

import { DriverError } from "../../../driver-error.ts";
import type { RouteSpec } from "../../driver.ts";
import { idIn } from "../marks.ts";
import { type Family, familyOf, familyOfCidr } from "./checked.ts";
import { mainMarksOf, marksOf } from "./external-ids.ts";
import { gatewayPortName, routerPortName } from "./names.ts";
import type { Compiled, View, WantedRow } from "./row.ts";
import { nextHopMark, routeRow, type StaticRoute } from "./static-route.ts";
import { rowUuid } from "./uuids.ts";

/** What a row carries whose next hop is the gateway's. */
export const viaGateway = (vpcId: string) => `gateway/${vpcId}`;

export function compileRoute(object: RouteSpec, view: View): Compiled {
  const hop = hopOf(object, view);
  const target = object.target.type === "gateway" ? { target: viaGateway(object.vpcId) } : {};
  const [first, ...others] = halvesOf(object.destination);
  const row = (destination: string, index: number): WantedRow =>
    routeRow({
      uuid: rowUuid(object, index === 0 ? "" : `half ${index}`),
      vpcId: object.vpcId,
      destination,
      marks: index === 0 ? mainMarksOf(object, target) : marksOf(object, target),
      ...hop,
    });
  return { rows: [row(first, 0), ...others.map((destination, index) => row(destination, index + 1))], patches: [] };
}

/** A default route of a tenant's goes before the gateway's, which has the same destination: as two halves, which are more specific. */
function halvesOf(destination: string): readonly [string, ...string[]] {
  if (!destination.endsWith("/0")) return [destination];
  return familyOfCidr(destination) === 4 ? ["0.0.0.0/1", "128.0.0.0/1"] : ["::/1", "8000::/1"];
}

function hopOf(object: RouteSpec, view: View): Pick<StaticRoute, "nextHop" | "outputPort"> {
  const { target, destination, vpcId } = object;
  switch (target.type) {
    case "drop":
      return { nextHop: "discard" };
    case "gateway":
      return { nextHop: gatewayHop(vpcId, familyOfCidr(destination), view), outputPort: gatewayPortName(vpcId) };
    case "address":
      return { nextHop: sameFamily(destination, target.address), outputPort: routerPortName(target.subnetId) };
  }
}

function sameFamily(destination: string, nextHop: string): string {
  if (familyOfCidr(destination) === familyOf(nextHop)) return nextHop;
  throw new DriverError("refused", `${destination} can't be routed to ${nextHop}, which is of the other family`);
}

function gatewayHop(vpcId: string, family: Family, view: View): string {
  const port = view.row(rowUuid({ type: "gateway", id: vpcId }))?.row;
  const hop = idIn(port, `photon:${nextHopMark(family)}`);
  if (hop !== undefined) return hop;
  throw new DriverError("missing", `${vpcId} has no gateway of IPv${family}`);
}
