// Routes: where a VPC's router sends what no subnet of it has.
import { type Route, RouteSchema } from "@photoncloud/proto/gen/prismnet/v1/route_pb";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { defineKind } from "../../kind.ts";
import { checkDestination, parseDestination } from "./destination.ts";
import { routeNetwork, routeReconciler } from "./kind.steps.ts";
import { admitTarget } from "./target.ts";

/** One route a destination in a VPC; the part before the bar is the field that holds the key. */
const destinationsOf = (vpcId: string) => `destination|${vpcId}`;

function isSameTarget({ target: one }: Route, { target: other }: Route): boolean {
  return one.case === other.case && (one.case !== "targetPortId" || one.value === other.value);
}

export const routeKind = defineKind({
  schema: RouteSchema,
  async admit(admission, next, prior) {
    const { message: vpc } = await admission.reference(VpcSchema, next.vpcId, "vpc_id");
    if (prior === undefined) await checkDestination(admission, next, vpc);
    const isNew = prior === undefined || !isSameTarget(prior.message, next);
    await admitTarget(admission, next, vpc, parseDestination(next), isNew);
    admission.claim({ space: destinationsOf(next.vpcId), key: next.destination });
  },
  reconciler: routeReconciler,
  network: routeNetwork,
});
