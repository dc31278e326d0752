// Writes what a guest is answered: the question as it was asked, within the size that it takes.
import { type Answer, encode, type Packet } from "dns-packet";
import type { Edns, Query, Rcode, Refused } from "./query.ts";

/** What to say. */
export interface Reply {
  readonly rcode: Rcode;
  /** Whether we are the authority: the cloud's own names. */
  readonly authoritative?: boolean;
  readonly answers?: readonly Answer[];
  readonly authorities?: readonly Answer[];
}

/** What fits a datagram without EDNS (RFC 1035, section 2.3.4), and what never gets fragmented on a path of IPv6's least MTU. Bytes. */
const classic = 512;
export const unfragmented = 1232;
/** A message over TCP has its length in two bytes. */
const mostOverTcp = 65_535;

const flagsOf = { qr: 0x8000, aa: 0x0400, tc: 0x0200, rd: 0x0100, ra: 0x0080, cd: 0x0010 } as const;

/** How large an answer may be. */
export function limitOf(transport: "udp" | "tcp", edns: Edns | undefined): number {
  if (transport === "tcp") return mostOverTcp;
  return edns === undefined ? classic : Math.min(Math.max(edns.size, classic), unfragmented);
}

function optOf(rcode: Rcode, edns: Edns | undefined): Answer[] {
  if (edns === undefined) return [];
  const { dnssec } = edns;
  const common = { type: "OPT", name: ".", udpPayloadSize: unfragmented, ednsVersion: 0 } as const;
  return [{ ...common, options: [], extendedRcode: rcode >> 4, flags: dnssec ? 0x8000 : 0, flag_do: dnssec }];
}

function packetOf(query: Query | Refused, { rcode, authoritative, answers = [], authorities = [] }: Reply): Packet {
  const { id, question, recursionDesired, edns } = query;
  const flags =
    flagsOf.ra |
    (recursionDesired ? flagsOf.rd : 0) |
    ("checkingDisabled" in query && query.checkingDisabled ? flagsOf.cd : 0) |
    (authoritative ? flagsOf.aa : 0) |
    (rcode & 0xf);
  return {
    type: "response",
    id,
    flags,
    questions: question === undefined ? [] : [question],
    answers: [...answers],
    authorities: [...authorities],
    additionals: optOf(rcode, edns),
  };
}

/** The answer's bytes; where they are too many, the question alone with the mark that it is to be asked over TCP. */
export function writeResponse(query: Query | Refused, reply: Reply, transport: "udp" | "tcp"): Buffer {
  const packet = packetOf(query, reply);
  const bytes = encode(packet);
  if (bytes.length <= limitOf(transport, query.edns)) return bytes;
  return encode({ ...packet, flags: (packet.flags ?? 0) | flagsOf.tc, answers: [], authorities: [] });
}

/** An answer that came from elsewhere, made to fit. */
export function fitResponse(query: Query, bytes: Buffer, transport: "udp" | "tcp"): Buffer {
  if (bytes.length <= limitOf(transport, query.edns)) return bytes;
  const packet = packetOf(query, { rcode: 0 });
  return encode({ ...packet, flags: (packet.flags ?? 0) | flagsOf.tc });
}
