// The networks of a VPC: which ones guests can use.
import { invalidField } from "../../../fault.ts";
import { formatNetwork, type IpNetwork, networkOf, overlaps, parseNetwork } from "../../../ip.ts";

/** What a VPC's network of a family may be. */
interface Rules {
  readonly path: "cidr" | "ipv6_cidr";
  /** The largest and the smallest, as prefix lengths. */
  readonly shortest: number;
  readonly longest: number;
  readonly usual: string;
  /** Networks that guests can't use as ordinary addresses. */
  readonly special: Readonly<Record<string, string>>;
}

const rules: Readonly<Record<IpNetwork["family"], Rules>> = {
  // From all of 10.0.0.0/8 to one smallest subnet; RFC 6890.
  4: {
    path: "cidr",
    shortest: 8,
    longest: 28,
    usual: "10.0.0.0/16",
    special: {
      "0.0.0.0/8": "this host on this network",
      "127.0.0.0/8": "loopback",
      "169.254.0.0/16": "link-local; the metadata service is there",
      "224.0.0.0/3": "multicast and reserved",
    },
  },
  // From what a registry gives a small site (RFC 6177 speaks of /48 to /56) to one subnet, which is a /64 (RFC 4291 section 2.5.4).
  6: {
    path: "ipv6_cidr",
    shortest: 40,
    longest: 64,
    usual: "fd00:10::/48",
    special: {
      "::/8": "loopback, unspecified and embedded IPv4",
      "64:ff9b::/96": "IPv4 behind a translator",
      "64:ff9b:1::/48": "IPv4 behind a translator",
      "100::/64": "discarded",
      "fe80::/9": "link-local and site-local",
      "ff00::/8": "multicast",
    },
  },
};

function sizeHint(network: IpNetwork, { shortest, longest }: Rules): string {
  const length = Math.min(Math.max(network.prefixLength, shortest), longest);
  const mended = formatNetwork(networkOf({ family: network.family, value: network.first }, length));
  return `${formatNetwork(network)} is not between /${shortest} and /${longest}; for instance ${mended} is`;
}

/** @throws Fault INVALID_FIELDS on "cidr" or "ipv6_cidr". */
export function checkNetwork(family: IpNetwork["family"], cidr: string): void {
  const { path, usual, special, ...sizes } = rules[family];
  const network = parseNetwork(cidr);
  if (network?.family !== family)
    throw invalidField(path, "format", `${cidr} is no IPv${family} network; write one like ${usual}`);
  if (formatNetwork(network) !== cidr)
    throw invalidField(path, "format", `${cidr} has host bits set; write ${formatNetwork(network)}`);
  if (network.prefixLength < sizes.shortest || network.prefixLength > sizes.longest)
    throw invalidField(path, "range", sizeHint(network, rules[family]));
  for (const [block, use] of Object.entries(special)) {
    const reserved = parseNetwork(block);
    if (reserved !== undefined && overlaps(reserved, network))
      throw invalidField(path, "range", `${cidr} overlaps ${block} (${use}); use a network like ${usual}`);
  }
}
