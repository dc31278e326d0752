// Packets without content, as an end of a connection would send them. Their checksums hold: what connection tracking looks at is whole.
import { parseIp } from "../../../../ip.ts";
import type { Connection, ConnectionEnd } from "../../host-network.ts";

/** IANA, Protocol Numbers. */
const protocols = { tcp: 6, udp: 17 } as const;
/** Two stations of nobody's: the packet goes nowhere. */
const stations = Buffer.from("020000000001020000000002", "hex");
const families = {
  4: { etherType: 0x0800, bytes: 4, header: headerOfV4 },
  6: { etherType: 0x86dd, bytes: 16, header: headerOfV6 },
} as const;
const [hops, window] = [64, 65_535];

interface Ends {
  readonly from: Buffer;
  readonly to: Buffer;
}

/** An Ethernet frame from one end to the other. Of TCP it is an acknowledgement. @throws Error unless both addresses are of one family. */
export function packetOf({ protocol, from, to }: Connection): Buffer {
  const [source, target] = [parseIp(from.address), parseIp(to.address)];
  if (source === undefined || source.family !== target?.family)
    throw new Error(`no connection is from ${from.address} to ${to.address}`);
  const { etherType, bytes, header } = families[source.family];
  const ends = { from: bytesOf(source.value, bytes), to: bytesOf(target.value, bytes) };
  const segment = protocol === "tcp" ? acknowledgement(from, to) : datagram(from, to);
  const number = protocols[protocol];
  // Both families' pseudo-headers add up to the same (RFC 9293, 3.1; RFC 8200, 8.1).
  const sum = checksum(ends.from, ends.to, Buffer.from([0, number, 0, segment.length]), segment);
  segment.writeUInt16BE(sum === 0 ? 0xffff : sum, protocol === "tcp" ? 16 : 6);
  const type = Buffer.from([etherType >> 8, etherType & 0xff]);
  return Buffer.concat([stations, type, header(ends, number, segment.length), segment]);
}

/** RFC 9293, 3.1. */
function acknowledgement(from: ConnectionEnd, to: ConnectionEnd): Buffer {
  const bytes = Buffer.alloc(20);
  bytes.writeUInt16BE(from.port, 0);
  bytes.writeUInt16BE(to.port, 2);
  const [headerWords, ack] = [5, 0x10];
  bytes.writeUInt8(headerWords << 4, 12);
  bytes.writeUInt8(ack, 13);
  bytes.writeUInt16BE(window, 14);
  return bytes;
}

/** RFC 768. */
function datagram(from: ConnectionEnd, to: ConnectionEnd): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16BE(from.port, 0);
  bytes.writeUInt16BE(to.port, 2);
  bytes.writeUInt16BE(bytes.length, 4);
  return bytes;
}

/** RFC 791, 3.1. */
function headerOfV4({ from, to }: Ends, protocol: number, length: number): Buffer {
  const start = Buffer.from([0x45, 0, 0, 0, 0, 0, 0, 0, hops, protocol, 0, 0]);
  const bytes = Buffer.concat([start, from, to]);
  bytes.writeUInt16BE(bytes.length + length, 2);
  bytes.writeUInt16BE(checksum(bytes), 10);
  return bytes;
}

/** RFC 8200, 3. */
function headerOfV6({ from, to }: Ends, protocol: number, length: number): Buffer {
  return Buffer.concat([Buffer.from([0x60, 0, 0, 0, 0, length, protocol, hops]), from, to]);
}

/** RFC 1071, of parts that are whole words. */
function checksum(...parts: readonly Buffer[]): number {
  const bytes = Buffer.concat(parts);
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

function bytesOf(value: bigint, length: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * length, "0"), "hex");
}
