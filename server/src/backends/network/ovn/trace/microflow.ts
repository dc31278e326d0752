// The packet of a trace in OVN's language, written from checked values alone.
import { checkedAddress, checkedMac, checkedName, checkedNumber, familyOf } from "../mapping/checked.ts";

/** The first packet of a connection. */
export interface TracedPacket {
  readonly inport: string;
  readonly sourceMac: string;
  /** The first hop's. */
  readonly targetMac: string;
  readonly source: string;
  readonly target: string;
  readonly protocol: "tcp" | "udp" | "icmp";
  readonly port: number;
}

/** Where a connection of ours comes from: any port of the dynamic range (RFC 6335 section 6). */
const sourcePort = 50_000;
/** ICMP's echo request, of both families (RFC 792, RFC 4443 section 4.1). */
const echo = { 4: "icmp4.type == 8 && icmp4.code == 0", 6: "icmp6.type == 128 && icmp6.code == 0" } as const;

/** @throws DriverError "refused" if a value is not what it should be. */
export function microflow(packet: TracedPacket): string {
  const family = familyOf(packet.target);
  return [
    `inport == "${checkedName(packet.inport)}"`,
    `eth.src == ${checkedMac(packet.sourceMac)}`,
    `eth.dst == ${checkedMac(packet.targetMac)}`,
    `ip${family}.src == ${checkedAddress(packet.source)}`,
    `ip${family}.dst == ${checkedAddress(packet.target)}`,
    "ip.ttl == 64",
    layer4(packet, family),
  ].join(" && ");
}

function layer4({ protocol, port }: TracedPacket, family: 4 | 6): string {
  if (protocol === "icmp") return echo[family];
  return `${protocol}.src == ${sourcePort} && ${protocol}.dst == ${checkedNumber(port, 0, 65_535)}`;
}
