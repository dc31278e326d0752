// What each network object is in OVN's Northbound database. Pure: no connection, no clock, no state. What is sent and when is the driver's.
import type { NetworkObject, NetworkObjectId } from "../../driver.ts";
import { compileAddresses } from "./addresses.ts";
import { compileDhcp } from "./dhcp.ts";
import { compileElasticIp } from "./elastic-ip.ts";
import { compileExternalNetwork } from "./external-network.ts";
import { compileFilter } from "./filter.ts";
import { afterFlowLog, compileFlowLog } from "./flow-log.ts";
import { compileGateway } from "./gateway.ts";
import { compilePeering } from "./peering.ts";
import { afterPeering } from "./peering-rules.ts";
import { keptNames } from "./placeholders.ts";
import { compilePort } from "./port.ts";
import { compileRoute } from "./route.ts";
import { compileRouter } from "./router.ts";
import { compileRouterPort } from "./router-port.ts";
import type { Compiled, Patch, View } from "./row.ts";
import { compileServicePort } from "./service-port.ts";
import { compileSwitch } from "./switch.ts";

/** The rows of an object. @throws DriverError "refused" if it holds a value that OVN would not read as it is meant. */
export function compile(object: NetworkObject, view: View): Compiled {
  switch (object.type) {
    case "router":
      return compileRouter(object, view);
    case "switch":
      return compileSwitch(object);
    case "router-port":
      return compileRouterPort(object);
    case "dhcp":
      return compileDhcp(object, view);
    case "service-port":
      return compileServicePort(object);
    case "port":
      return compilePort(object, view);
    case "filter":
      return compileFilter(object, view);
    case "addresses":
      return compileAddresses(object);
    case "external-network":
      return compileExternalNetwork(object);
    case "gateway":
      return compileGateway(object, view);
    case "elastic-ip":
      return compileElasticIp(object);
    case "route":
      return compileRoute(object, view);
    case "peering":
      return compilePeering(object, view);
    case "flow-log":
      return compileFlowLog(object, view);
  }
}

/**
 * What must be set when an object goes, together with its rows; `view` is still the one with it. A row of its own that is among them stays.
 * References to rows that go vanish by themselves.
 */
export function afterRemoval(object: NetworkObjectId, view: View): readonly Patch[] {
  switch (object.type) {
    case "flow-log":
      return afterFlowLog(object.id, view);
    case "peering":
      return afterPeering(object.id, view);
    default:
      return keptNames(object, view);
  }
}

/** Rows of others that go with an object: with a VPC what security groups have in it. */
export function goingWith({ type, id }: NetworkObjectId, view: View): readonly string[] {
  if (type !== "router") return [];
  return (["Port_Group", "ACL"] as const).flatMap((table) =>
    view.rowsWith(table, "photon:vpc", id).map(({ uuid }) => uuid),
  );
}
