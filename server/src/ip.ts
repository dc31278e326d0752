// Addresses and networks as numbers; both families have the same shape.

import { formatIpV4, formatIpV6, parseIpV4, parseIpV6 } from "@photoncloud/proto";

/** Which Internet Protocol: 4 or 6. */
export type IpFamily = 4 | 6;

/** An address: its family and its value as an unsigned integer. */
export interface IpAddress {
  readonly family: IpFamily;
  readonly value: bigint;
}

/** A network in CIDR notation: its lowest address and how many leading bits are fixed. */
export interface IpNetwork {
  readonly family: IpFamily;
  readonly first: bigint;
  readonly prefixLength: number;
}

const bitsOf = { 4: 32, 6: 128 } as const;

/** Reads "10.0.1.10" or "fd00::10", of which any form is taken. Undefined for anything else, also for IPv4 with leading zeros, which some programs read as octal. */
export function parseIp(text: string): IpAddress | undefined {
  if (text.includes(":")) {
    const value = parseIpV6(text);
    return value === undefined ? undefined : { family: 6, value };
  }
  const value = parseIpV4(text);
  return value === undefined ? undefined : { family: 4, value: BigInt(value) };
}

/** Writes an address: "10.0.1.10", or "fd00::10" in the form of RFC 5952. */
export function formatIp({ family, value }: IpAddress): string {
  return family === 4 ? formatIpV4(Number(value)) : formatIpV6(value);
}

/** Reads "10.0.1.0/24" or "fd00::/64"; host bits are dropped, so that `formatNetwork` of the answer is the mended form. Undefined for anything else. */
export function parseNetwork(text: string): IpNetwork | undefined {
  const [ip = "", length = "", ...rest] = text.split("/");
  const address = parseIp(ip);
  if (address === undefined || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  return Number(length) > bitsOf[address.family] ? undefined : networkOf(address, Number(length));
}

/** Writes a network: "10.0.1.0/24", "fd00::/64". */
export function formatNetwork(network: IpNetwork): string {
  return `${formatIp({ family: network.family, value: network.first })}/${network.prefixLength}`;
}

/** The network of a length that an address is in. */
export function networkOf(address: IpAddress, prefixLength: number): IpNetwork {
  const size = 1n << BigInt(bitsOf[address.family] - prefixLength);
  return { family: address.family, first: (address.value / size) * size, prefixLength };
}

/** How many addresses a network has, its network and broadcast addresses included. */
export function sizeOf(network: IpNetwork): bigint {
  return 1n << BigInt(bitsOf[network.family] - network.prefixLength);
}

/** The address at an offset from a network's first; negative offsets count from behind its end: -1 is the last. */
export function addressAt(network: IpNetwork, offset: bigint): IpAddress {
  const from = offset < 0n ? network.first + sizeOf(network) : network.first;
  return { family: network.family, value: from + offset };
}

/** Whether an address is in a network. */
export function includes(network: IpNetwork, address: IpAddress): boolean {
  if (network.family !== address.family) return false;
  return address.value >= network.first && address.value < network.first + sizeOf(network);
}

/** Whether all of `inner` is in `outer`. */
export function encloses(outer: IpNetwork, inner: IpNetwork): boolean {
  return outer.prefixLength <= inner.prefixLength && includes(outer, addressAt(inner, 0n));
}

/** Whether two networks share an address; networks of different families never do. */
export function overlaps(one: IpNetwork, other: IpNetwork): boolean {
  return encloses(one, other) || encloses(other, one);
}

/**
 * The lowest network of a length inside `within` that overlaps none of `taken`. Undefined: there is none.
 * Takes as many steps as there are networks in the way, however large `within` is.
 */
export function nextFreeNetwork(
  within: IpNetwork,
  prefixLength: number,
  taken: readonly IpNetwork[],
): IpNetwork | undefined {
  let candidate = networkOf(addressAt(within, 0n), prefixLength);
  while (encloses(within, candidate)) {
    const wall = taken.find((network) => overlaps(network, candidate));
    if (wall === undefined) return candidate;
    const larger = sizeOf(wall) > sizeOf(candidate) ? wall : candidate;
    const next = larger.first + sizeOf(larger);
    candidate = networkOf({ family: within.family, value: next }, prefixLength);
  }
  return undefined;
}
