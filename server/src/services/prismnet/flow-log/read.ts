// Reads what hosts wrote down for a flow log.
import { create, isMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type FlowLogSchema,
  type FlowRecordSchema,
  FlowVerdict,
  type ReadFlowLogRequest,
  ReadFlowLogRequestSchema,
  ReadFlowLogResponseSchema,
} from "@photoncloud/proto/gen/prismnet/v1/flow_log_pb";
import { Direction } from "@photoncloud/proto/gen/prismnet/v1/security_group_pb";
import type { FlowRecord } from "../../../backends/network/flow-source.ts";
import { Fault, invalidField } from "../../../fault.ts";
import type { QueryMethod } from "../../kind.ts";

const defaultPageSize = 100;
const mostRecords = 1_000;

export const readFlowLog: QueryMethod<typeof FlowLogSchema> = {
  async answer({ id }, request, { flows, signal }) {
    if (!isMessage(request, ReadFlowLogRequestSchema)) throw new Error("ReadFlowLog was given another request");
    const page = await flows.read(id, request.cursor, pageSizeOf(request), signal);
    if (page === undefined) throw badCursor(request.cursor);
    return create(ReadFlowLogResponseSchema, { records: page.records.map(recordOf), nextCursor: page.cursor });
  },
};

/** @throws Fault INVALID_FIELDS */
function pageSizeOf({ pageSize }: ReadFlowLogRequest): number {
  if (pageSize >= 0 && pageSize <= mostRecords) return pageSize === 0 ? defaultPageSize : pageSize;
  const message = `${pageSize} was given; 1 to ${mostRecords} is allowed, or leave it out`;
  throw invalidField("page_size", "range", message);
}

function badCursor(given: string): Fault {
  const message = `${JSON.stringify(given.slice(0, 100))} is no cursor of this flow log; take the next_cursor of a page, or leave it out`;
  return new Fault("BAD_CURSOR", message, { violations: [{ path: "cursor", rule: "format", message }] });
}

const verdicts = { allowed: FlowVerdict.ALLOWED, dropped: FlowVerdict.DROPPED } as const;
const directions = { ingress: Direction.INGRESS, egress: Direction.EGRESS } as const;

function recordOf(record: FlowRecord): MessageInitShape<typeof FlowRecordSchema> {
  const { portId, sourceAddress, destinationAddress, protocol, sourcePort, destinationPort, rule } = record;
  return {
    portId,
    sourceAddress,
    destinationAddress,
    protocol,
    sourcePort,
    destinationPort,
    rule,
    startTime: timestampFromMs(record.startMs),
    endTime: timestampFromMs(record.endMs),
    verdict: verdicts[record.verdict],
    direction: directions[record.direction],
    securityGroupId: record.filterId,
    packets: BigInt(record.packets),
  };
}
