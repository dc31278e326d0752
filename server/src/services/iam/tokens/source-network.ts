// The network that an address belongs to, as far as one holder has many of them: 24 bits of IPv4, 64 of IPv6 (RFC 6177).
import { isIPv6 } from "node:net";

/** "192.0.2.0/24", "2001:db8:0:1::/64"; what is no address stays as it is. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  if (isIPv6(plain)) return `${groupsOf(plain).slice(0, 4).join(":")}::/64`;
  const parts = plain.split(".");
  return parts.length === 4 ? `${parts.slice(0, 3).join(".")}.0/24` : plain;
}

/** The eight groups of an address, without leading zeros. */
function groupsOf(address: string): readonly string[] {
  const [head = "", tail] = (address.split("%")[0] ?? "").toLowerCase().split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const between = tail === undefined ? [] : Array<string>(Math.max(0, 8 - first.length - last.length)).fill("0");
  return [...first, ...between, ...last].map((group) => group.replace(/^0+(?=.)/, ""));
}
