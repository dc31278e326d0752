// A VPC is a router: one isolation domain.
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { ownerOf } from "../../driver-step.ts";
import { type NetworkPart, networkReconciler } from "../../network-part.ts";

export const vpcNetwork: NetworkPart<typeof VpcSchema> = {
  schema: VpcSchema,
  objects: [
    {
      type: "router",
      of: ({ id, key, resource }) => ({ type: "router", id, owner: ownerOf(key.tenant), cidrs: [resource.cidr] }),
    },
  ],
};

export const vpcReconciler = networkReconciler(vpcNetwork);
