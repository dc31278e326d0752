// What would become of a packet, by OVN's own reckoning (ovn-trace over the Southbound's flows), told in our objects. Ports need not be plugged.
import { DriverError } from "../../../driver-error.ts";
import type { Packet, Reach } from "../../driver.ts";
import { rowUuid } from "../mapping/uuids.ts";
import { firstHop } from "./first-hop.ts";
import { hopOf, type Known, marked } from "./known.ts";
import { microflow } from "./microflow.ts";
import { parseTrace } from "./parse.ts";
import { pathOf } from "./path.ts";
import { runTrace, type Southbound } from "./run.ts";

export type { Known } from "./known.ts";
export type { Southbound } from "./run.ts";

export interface TraceOptions {
  /** The live copy of the Northbound. */
  readonly known: Known;
  /** What ovn-trace prints of a packet. */
  trace(flow: string, signal: AbortSignal): Promise<string>;
}

/** Runs ovn-trace over this Southbound. */
export function tracesOf(southbound: Southbound): TraceOptions["trace"] {
  return (flow, signal) => runTrace(southbound, flow, signal);
}

/** @throws DriverError "missing" if there is no such port, or northd has not heard of it yet; "unavailable" if OVN can't be asked. */
export async function traced(packet: Packet, { known, trace }: TraceOptions, signal: AbortSignal): Promise<Reach> {
  const row = known.row(rowUuid({ type: "port", id: packet.fromPortId }))?.row;
  const from = marked(row);
  if (row === undefined || from?.type !== "port")
    throw new DriverError("missing", `there is no port ${packet.fromPortId}`);
  const hop = firstHop(known, packet, row);
  if ("because" in hop) return { reached: false, because: hop.because, hops: [hopOf(from, "it sends the packet")] };
  return pathOf(known, packet, from, parseTrace(await trace(microflow(hop.packet), signal)));
}
