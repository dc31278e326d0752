// A route is a route of its VPC's router.
import { PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import { RouteSchema } from "@photoncloud/proto/gen/prismnet/v1/route_pb";
import type { NetworkObject, RouteSpec } from "../../../backends/network/driver.ts";
import { StepError } from "../../../engine/reconciler.ts";
import { ownerOf } from "../../driver-step.ts";
import { type NetworkPart, networkReconciler, type ObjectContext } from "../../network-part.ts";

type Context = ObjectContext<typeof RouteSchema>;

async function byPort({ resource, related }: Context, portId: string): Promise<RouteSpec["target"]> {
  const port = await related(PortSchema, portId);
  if (port === undefined) throw new StepError("PortGone", `port ${portId} does not exist any more`);
  const { ipAddress = "", ipv6Address = "", subnetId } = port;
  const address = resource.destination.includes(":") ? ipv6Address : ipAddress;
  return { type: "address", address, portId, subnetId };
}

async function targetOf(context: Context): Promise<RouteSpec["target"]> {
  const { target } = context.resource;
  if (target.case === "targetPortId") return byPort(context, target.value);
  return { type: target.case === "elasticGateway" ? "gateway" : "drop" };
}

async function routeOf(context: Context): Promise<NetworkObject> {
  const { id, key, resource } = context;
  const { vpcId, destination } = resource;
  return { type: "route", id, owner: ownerOf(key.tenant), vpcId, destination, target: await targetOf(context) };
}

export const routeNetwork: NetworkPart<typeof RouteSchema> = {
  schema: RouteSchema,
  objects: [{ type: "route", of: routeOf }],
};

export const routeReconciler = networkReconciler(routeNetwork);
