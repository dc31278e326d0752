// A flow log is a wish to the hosts: tell of the flows that a VPC's filters decide on.
import { type FlowLog, FlowLogSchema, FlowVerdict } from "@photoncloud/proto/gen/prismnet/v1/flow_log_pb";
import type { FlowLogSpec } from "../../../backends/network/driver.ts";
import { ownerOf } from "../../driver-step.ts";
import { type NetworkPart, networkReconciler } from "../../network-part.ts";

function verdictsOf({ verdict }: FlowLog): FlowLogSpec["verdicts"] {
  if (verdict === FlowVerdict.ALLOWED) return "allowed";
  return verdict === FlowVerdict.DROPPED ? "dropped" : "all";
}

export const flowLogNetwork: NetworkPart<typeof FlowLogSchema> = {
  schema: FlowLogSchema,
  objects: [
    {
      type: "flow-log",
      of: ({ id, key, resource }) => {
        const verdicts = verdictsOf(resource);
        return { type: "flow-log", id, owner: ownerOf(key.tenant), vpcId: resource.vpcId, verdicts };
      },
    },
  ],
};

export const flowLogReconciler = networkReconciler(flowLogNetwork);
