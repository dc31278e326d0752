// Which addresses belong to the public internet: all but those that IANA's special-purpose registries keep for something else (RFC 6890).
import { BlockList, isIP } from "node:net";

const kept: readonly (readonly [string, number, "ipv4" | "ipv6"])[] = [
  ["0.0.0.0", 8, "ipv4"],
  ["10.0.0.0", 8, "ipv4"],
  ["100.64.0.0", 10, "ipv4"],
  ["127.0.0.0", 8, "ipv4"],
  ["169.254.0.0", 16, "ipv4"],
  ["172.16.0.0", 12, "ipv4"],
  ["192.0.0.0", 24, "ipv4"],
  ["192.0.2.0", 24, "ipv4"],
  ["192.168.0.0", 16, "ipv4"],
  ["198.18.0.0", 15, "ipv4"],
  ["198.51.100.0", 24, "ipv4"],
  ["203.0.113.0", 24, "ipv4"],
  ["224.0.0.0", 3, "ipv4"],
];
/** The only part of IPv6 that is given out, and what in it leads back into IPv4 or nowhere. */
const publicV6 = ["2000::", 3] as const;
const keptV6: readonly (readonly [string, number])[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];

const special = new BlockList();
for (const [address, bits, family] of kept) special.addSubnet(address, bits, family);
for (const [address, bits] of keptV6) special.addSubnet(address, bits, "ipv6");
const given = new BlockList();
given.addSubnet(...publicV6, "ipv6");

/** False also for what is no address. */
export function isPublic(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !special.check(address, "ipv4");
  return family === 6 && given.check(address, "ipv6") && !special.check(address, "ipv6");
}
