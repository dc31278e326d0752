// VPCs: isolated networks. Different VPCs may use the same addresses.
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { defineKind } from "../../kind.ts";
import { admitGateway, releaseEgress } from "./gateway.ts";
import { vpcNetwork, vpcReconciler } from "./kind.steps.ts";
import { checkNetwork } from "./networks.ts";

export const vpcKind = defineKind({
  schema: VpcSchema,
  async admit(admission, next, prior) {
    if (prior === undefined) {
      checkNetwork(4, next.cidr);
      if (next.ipv6Cidr !== undefined) checkNetwork(6, next.ipv6Cidr);
    }
    await admitGateway(admission, next, prior);
  },
  async released(admission, { message }) {
    await releaseEgress(admission, message);
  },
  reconciler: vpcReconciler,
  network: vpcNetwork,
});
