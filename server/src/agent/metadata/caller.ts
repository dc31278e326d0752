// Who calls, as far as its packets tell. The network lets a port send from its own addresses and MAC alone, so that they name it; a port that
// forwards may send from any address, so that its MAC has to be looked at, too.
import { isIPv6 } from "node:net";
import { parseIp } from "../../ip.ts";
import type { Caller } from "../directory.ts";

/** The MAC that a link-local address is made from (RFC 4291, appendix A): ports may send from no other link-local address. */
export function macOfLinkLocal(address: string): string | undefined {
  const { family, value } = parseIp(address.replace(/%.*$/, "")) ?? { family: 4, value: 0n };
  if (family !== 6 || value >> 64n !== 0xfe80_0000_0000_0000n) return undefined;
  const bytes = Buffer.from((value & 0xffff_ffff_ffff_ffffn).toString(16).padStart(16, "0"), "hex");
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = bytes;
  if (d !== 0xff || e !== 0xfe) return undefined;
  return [a ^ 2, b, c, f, g, h].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** Undefined: an address that no port has. */
export function callerOf(remoteAddress: string): Caller | undefined {
  if (!isIPv6(remoteAddress) || !/^fe[89ab]/i.test(remoteAddress)) return { address: remoteAddress };
  const macAddress = macOfLinkLocal(remoteAddress);
  return macAddress === undefined ? undefined : { macAddress };
}
