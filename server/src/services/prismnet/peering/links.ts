// The links between peered VPCs' routers: each a /30 of the link-local network, the same one on both sides, and on each router another.
import { addressAt, formatIp, type IpNetwork, includes, networkOf, parseIp, parseNetwork } from "../../../ip.ts";

/** A /30: one address for each router. */
const length = 30;
/** How many /30 are in 169.254.0.0/16 (RFC 3927). */
const links = 2 ** (length - 16);
/** Guests find the metadata service here. */
const metadata = parseIp("169.254.169.254");

/** The addresses of a link's ends, with their lengths. */
export interface LinkEnds {
  readonly one: string;
  readonly other: string;
}

function linkAt(index: number): IpNetwork {
  return { family: 4, first: (169n << 24n) + (254n << 16n) + BigInt(index * 4), prefixLength: length };
}

function isUsable(index: number): boolean {
  return metadata === undefined || !includes(linkAt(index), metadata);
}

function endsOf(link: IpNetwork): LinkEnds {
  return { one: `${formatIp(addressAt(link, 1n))}/${length}`, other: `${formatIp(addressAt(link, 2n))}/${length}` };
}

/** The lowest link that none of the addresses is on. Undefined: all are. */
export function freeLink(taken: readonly string[]): LinkEnds | undefined {
  const used = new Set(taken.map((address) => parseNetwork(address)?.first));
  for (let index = 0; index < links; index++)
    if (isUsable(index) && !used.has(linkAt(index).first)) return endsOf(linkAt(index));
  return undefined;
}

/** The address of the other end, without its length: "169.254.0.1/30" → "169.254.0.2". */
export function otherEnd(linkAddress: string): string {
  const [text = ""] = linkAddress.split("/");
  const own = parseIp(text);
  if (own === undefined) throw new Error(`a link has the address ${JSON.stringify(linkAddress)}`);
  const { one, other } = endsOf(networkOf(own, length));
  return (one === linkAddress ? other : one).split("/")[0] ?? "";
}
