// Makes one record of a flow's packets over some seconds: a host writes a line for each.
import type { FlowRecord } from "../../backends/network/flow-source.ts";
import type { AclLine } from "./acl-line.ts";
import type { Decision } from "./rules.ts";

/** So many flows at a time are told apart; then they are written early. A scan of ports makes a flow of every packet. */
const mostFlows = 20_000;

interface Flow {
  readonly flowLogIds: readonly string[];
  readonly first: FlowRecord;
  endMs: number;
  packets: number;
}

export class Aggregate {
  readonly #flows = new Map<string, Flow>();

  get isFull(): boolean {
    return this.#flows.size >= mostFlows;
  }

  add(line: AclLine, decision: Decision): void {
    const key = keyOf(line);
    const flow = this.#flows.get(key);
    if (flow === undefined) {
      const first = recordOf(line, decision);
      this.#flows.set(key, { flowLogIds: decision.flowLogIds, first, endMs: line.timeMs, packets: 1 });
      return;
    }
    flow.endMs = Math.max(flow.endMs, line.timeMs);
    flow.packets++;
  }

  /** The records by flow log, in the order in which the flows began; then there are none. */
  take(): ReadonlyMap<string, readonly FlowRecord[]> {
    const records = new Map<string, FlowRecord[]>();
    for (const { flowLogIds, first, endMs, packets } of this.#flows.values())
      for (const id of flowLogIds) records.set(id, [...(records.get(id) ?? []), { ...first, endMs, packets }]);
    this.#flows.clear();
    return records;
  }
}

function keyOf(line: AclLine): string {
  const { rule, direction, sourceMac, destinationMac, protocol } = line;
  const ends = [line.sourceAddress, line.sourcePort, line.destinationAddress, line.destinationPort];
  return [rule, direction, sourceMac, destinationMac, protocol, ...ends].join(" ");
}

function recordOf(line: AclLine, { portId, filterId, rule }: Decision): FlowRecord {
  const { timeMs, verdict, direction, sourceAddress, destinationAddress, protocol, sourcePort, destinationPort } = line;
  return {
    startMs: timeMs,
    endMs: timeMs,
    verdict,
    direction,
    portId,
    sourceAddress,
    destinationAddress,
    protocol,
    sourcePort,
    destinationPort,
    filterId,
    rule,
    packets: 1,
  };
}
