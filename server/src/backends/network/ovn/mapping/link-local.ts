// Addresses that are made from a MAC.
import { formatIp } from "../../../../ip.ts";
import { checkedMac } from "./checked.ts";

/** The link-local address that goes with a MAC (RFC 4291, appendix A): the only one that a port may send from. */
export function linkLocalOf(macAddress: string): string {
  const bytes = Buffer.from(checkedMac(macAddress).replaceAll(":", ""), "hex");
  const [first = 0, ...rest] = bytes;
  const last = Buffer.from([first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)]);
  return formatIp({ family: 6, value: (0xfe80n << 112n) | last.readBigUInt64BE() });
}
