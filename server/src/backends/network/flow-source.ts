// Where the records of flow logs are read: what hosts told of the flows that filters decided on.

/** Packets of one flow that one rule decided on, over some seconds. */
export interface FlowRecord {
  /** Milliseconds since 1970, of the first and the last packet. */
  readonly startMs: number;
  readonly endMs: number;
  readonly verdict: "allowed" | "dropped";
  /** Seen from the port. */
  readonly direction: "ingress" | "egress";
  /** The port of the log's VPC; "" where it is gone by now. */
  readonly portId: string;
  readonly sourceAddress: string;
  readonly destinationAddress: string;
  /** "tcp", "udp", "icmp", or a protocol's number. */
  readonly protocol: string;
  /** 0 where the protocol has none. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** The filter whose rule allowed it, and the rule's name; "" where none did. */
  readonly filterId: string;
  readonly rule: string;
  /** How many were told of. */
  readonly packets: number;
}

export interface FlowPage {
  readonly records: readonly FlowRecord[];
  /** Where to read on, also when there is no more yet. */
  readonly cursor: string;
}

/** Reads what is kept of flow logs. */
export interface FlowSource {
  /**
   * The records after a cursor, the oldest first; "" is the oldest that is kept. Undefined: the cursor is none of this log's.
   *
   * @throws DriverError "unavailable"
   */
  read(flowLogId: string, cursor: string, limit: number, signal: AbortSignal): Promise<FlowPage | undefined>;
}

/** Of a network that moves no packets. */
export const noFlows: FlowSource = {
  read: async (_id, cursor) => (cursor === "" ? { records: [], cursor } : undefined),
};
