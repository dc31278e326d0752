// Flow logs: what a VPC's security groups allowed and dropped, and by which rule.
import { FlowLogSchema } from "@photoncloud/proto/gen/prismnet/v1/flow_log_pb";
import { defineKind } from "../../kind.ts";
import { flowLogNetwork, flowLogReconciler } from "./kind.steps.ts";
import { readFlowLog } from "./read.ts";

export const flowLogKind = defineKind({
  schema: FlowLogSchema,
  queries: { ReadFlowLog: readFlowLog },
  reconciler: flowLogReconciler,
  network: flowLogNetwork,
});
