// A DHCPv6 client of three messages (RFC 8415 section 18.2.1 and 18.2.2): no such client is small enough to be everywhere.
import type { Guest } from "./field.ts";

export interface LeaseV6 {
  readonly addresses: readonly string[];
  readonly domains: readonly string[];
  readonly dnsServers: readonly string[];
}

const program = `
import { createSocket } from "node:dgram";
const [duid, device] = process.argv.slice(1);
const option = (code, bytes) => {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(code, 0);
  head.writeUInt16BE(bytes.length, 2);
  return Buffer.concat([head, bytes]);
};
const optionsOf = (bytes) => {
  const found = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt16BE(at + 2);
    found.push({ code: bytes.readUInt16BE(at), bytes: bytes.subarray(at + 4, end) });
    at = end;
  }
  return found;
};
const message = (type, ...options) => Buffer.concat([Buffer.from([type, 1, 2, 3]), ...options]);
const client = option(1, Buffer.from("00030001" + duid.replaceAll(":", ""), "hex"));
const association = option(3, Buffer.from("000000010000000000000000", "hex"));
const time = option(8, Buffer.alloc(2));
const socket = createSocket("udp6");
let toSend = message(1, client, association, time);
const send = () => socket.send(toSend, 547, "ff02::1:2%" + device);
const again = setInterval(send, 500);
socket.bind(546, send);
socket.on("message", (bytes) => {
  const options = optionsOf(bytes.subarray(4));
  if (bytes[0] === 2) {
    const server = options.find(({ code }) => code === 2);
    toSend = message(3, client, option(2, server.bytes), association, time);
    return send();
  }
  if (bytes[0] !== 7) return;
  clearInterval(again);
  socket.close();
  console.log(JSON.stringify(options.map(({ code, bytes }) => ({ code, hex: bytes.toString("hex") }))));
});
setTimeout(() => process.exit(1), 8000).unref();
`;

/** Asks for an address and takes the answer's word; @throws Error without an answer within 8 s. */
export async function askDhcpV6(guest: Guest, duid: string): Promise<LeaseV6> {
  const words = ["--input-type=module", "--eval", program, duid, "eth0"];
  const { code, stdout, stderr } = await guest.run(process.execPath, ...words);
  if (code !== 0) throw new Error(`no DHCPv6 in ${guest.namespace}: ${stderr}`);
  const options: readonly { readonly code: number; readonly hex: string }[] = JSON.parse(stdout);
  const bytesOf = (wanted: number) =>
    options.filter((option) => option.code === wanted).map(({ hex }) => Buffer.from(hex, "hex"));
  const dnsServers = bytesOf(23).flatMap(serversOf);
  return { addresses: bytesOf(3).flatMap(addressesOf), domains: bytesOf(24).flatMap(domainsOf), dnsServers };
}

/** The addresses (option 5) in an association (section 21.4). */
function addressesOf(association: Buffer): string[] {
  const found: string[] = [];
  for (let at = 12; at + 4 <= association.length; at += 4 + association.readUInt16BE(at + 2))
    if (association.readUInt16BE(at) === 5) found.push(written(association.subarray(at + 4, at + 20)));
  return found;
}

/** Addresses, one after the other (RFC 3646 section 3). */
function serversOf(bytes: Buffer): string[] {
  return Array.from({ length: bytes.length / 16 }, (_, n) => written(bytes.subarray(16 * n, 16 * n + 16)));
}

/** As people write it: what a URL makes of an address is the short form. */
function written(bytes: Buffer): string {
  const words = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  return new URL(`http://[${words.join(":")}]`).hostname.slice(1, -1);
}

/** Names as DNS writes them (RFC 1035 section 3.1). */
function domainsOf(bytes: Buffer): string[] {
  const labels: string[] = [];
  const names: string[] = [];
  for (let at = 0; at < bytes.length; at += 1 + (bytes[at] ?? 0)) {
    const length = bytes[at] ?? 0;
    if (length === 0) names.push(labels.splice(0).join("."));
    else labels.push(bytes.toString("latin1", at + 1, at + 1 + length));
  }
  return names;
}
