// What would become of a packet, as OVN's own trace of its flows says.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { DriverError } from "../../driver-error.ts";
import type { Packet, Reach } from "../driver.ts";
import type { Held, Holdings } from "./holdings.ts";
import { idIn } from "./marks.ts";

const run = promisify(execFile);

export interface TraceOptions {
  readonly holdings: Holdings;
  /** Where ovn-trace reads the flows. */
  readonly southbound: string;
}

/** @throws DriverError "missing" if there is no such port. */
export async function traced(
  packet: Packet,
  { holdings, southbound }: TraceOptions,
  signal: AbortSignal,
): Promise<Reach> {
  const from = holdings.mainOf({ type: "port", id: packet.fromPortId });
  if (from === undefined) throw new DriverError("missing", `there is no port ${packet.fromPortId}`);
  const subnet = idIn(from.row, "photon:subnet") ?? "";
  const flow = flowOf(packet, from, nextHop(packet, subnet, holdings));
  const arguments_ = [`--db=${southbound}`, "--minimal", "--ct=new", "--ct=new", `ls-${subnet}`, flow];
  const { stdout } = await run("ovn-trace", arguments_, { signal });
  const reached = [...stdout.matchAll(/output\("([^"]+)"\)/g)].some(([, name]) => name !== packet.fromPortId);
  return {
    reached,
    because: reached ? "every filter on the way allows it" : "a filter or a missing route drops it",
    hops: [],
  };
}

/** The MAC that a packet goes to first: a neighbour's, or the gateway's. */
function nextHop({ toIp }: Packet, subnet: string, holdings: Holdings): string {
  const neighbours = holdings.rowsWith("Logical_Switch_Port", "photon:subnet", subnet).flatMap(addressesOf);
  const gateway = holdings.mainOf({ type: "router-port", id: subnet })?.row.mac;
  return neighbours.find(([, ...addresses]) => addresses.includes(toIp))?.[0] ?? String(gateway);
}

/** A MAC with its addresses. */
function addressesOf({ row }: Held): string[][] {
  return row.addresses instanceof Set ? [...row.addresses].map((text) => String(text).split(" ")) : [];
}

function flowOf({ fromPortId, toIp, protocol, port }: Packet, from: Held, target: string): string {
  const family = toIp.includes(":") ? 6 : 4;
  const [mac, ...addresses] = addressesOf(from)[0] ?? [];
  const source = addresses.find((address) => address.includes(":") === (family === 6)) ?? "";
  const l4 =
    protocol === "icmp" ? (family === 4 ? "icmp4.type == 8" : "icmp6.type == 128") : `${protocol}.dst == ${port ?? 0}`;
  const l3 = `ip${family}.src == ${source} && ip${family}.dst == ${toIp} && ip.ttl == 64`;
  return `inport == "${fromPortId}" && eth.src == ${mac} && eth.dst == ${target} && ${l3} && ${l4}`;
}
