// Addresses and networks as numbers. Both families have the same shape; IPv4 is the one that is read and written today.

import { formatIpV4, parseIpV4 } from "@photoncloud/proto";

/** An address: its family and its value as an unsigned integer. */
export interface IpAddress {
  readonly family: 4;
  readonly value: bigint;
}

/** A network in CIDR notation: its lowest address and how many leading bits are fixed. */
export interface IpNetwork {
  readonly family: 4;
  readonly first: bigint;
  readonly prefixLength: number;
}

const bitsOf = { 4: 32 } as const;

/** Reads "10.0.1.10". Undefined for anything else, also for leading zeros, which some programs read as octal. */
export function parseIp(text: string): IpAddress | undefined {
  const value = parseIpV4(text);
  return value === undefined ? undefined : { family: 4, value: BigInt(value) };
}

/** Writes an address: "10.0.1.10". */
export function formatIp(address: IpAddress): string {
  return formatIpV4(Number(address.value));
}

/** Reads "10.0.1.0/24"; host bits are dropped, so that `formatNetwork` of the answer is the mended form. Undefined for anything else. */
export function parseNetwork(text: string): IpNetwork | undefined {
  const [ip = "", length = "", ...rest] = text.split("/");
  const address = parseIp(ip);
  if (address === undefined || rest.length > 0 || !/^(0|[1-9]\d?)$/.test(length)) return undefined;
  return Number(length) > bitsOf[address.family] ? undefined : networkOf(address, Number(length));
}

/** Writes a network: "10.0.1.0/24". */
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

/** Whether two networks share an address. */
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
