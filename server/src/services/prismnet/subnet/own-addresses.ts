// The addresses of a subnet that are the cloud's own: the router's, and where its services answer.
import type { Subnet } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { addressAt, formatIp, type IpNetwork, parseIp, parseNetwork } from "../../../ip.ts";

/** What Geneve over IPv4 leaves of the usual 1500 bytes; told in subnet.proto. */
export const usualMtu = 1442;

/** @throws Error if it is none: what is stored was checked. */
export function storedNetwork(cidr: string | undefined): IpNetwork {
  const network = parseNetwork(cidr ?? "");
  if (network === undefined) throw new Error(`a subnet has the network ${JSON.stringify(cidr)}`);
  return network;
}

/** Where the cloud's own services answer: the last address that is neither the broadcast address nor the gateway. */
export function serviceAddressOf({ cidr, gateway }: Pick<Subnet, "cidr" | "gateway">): string {
  const block = storedNetwork(cidr);
  const [last, lastButOne] = [formatIp(addressAt(block, -2n)), formatIp(addressAt(block, -3n))];
  return last === gateway ? lastButOne : last;
}

/** The router's IPv6 address: the first after the subnet-router anycast address (RFC 4291, 2.6.1). */
export function ipv6GatewayOf(ipv6Cidr: string): string {
  return formatIp(addressAt(storedNetwork(ipv6Cidr), 1n));
}

/** Where the cloud's own services answer by IPv6: the address after the router's. */
export function ipv6ServiceAddressOf(ipv6Cidr: string): string {
  return formatIp(addressAt(storedNetwork(ipv6Cidr), 2n));
}

/**
 * The MAC of one of the cloud's own addresses: locally administered (the second digit, IEEE 802) and made from the IPv4 address, so that
 * it is unique in its VPC, where addresses are. The ports' own begin with fa:16:3e.
 */
export function ownMac(address: string): string {
  const value = parseIp(address)?.value ?? 0n;
  const bytes = [24n, 16n, 8n, 0n].map((shift) => Number((value >> shift) & 255n));
  return ["0a", "00", ...bytes.map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}
