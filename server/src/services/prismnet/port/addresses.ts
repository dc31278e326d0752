// The addresses and the MAC of a port: asked for and checked, or drawn. The same for both families.
import type { Port } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import type { Subnet } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { Fault, invalidField } from "../../../fault.ts";
import { addressAt, formatIp, type IpNetwork, includes, parseIp, sizeOf } from "../../../ip.ts";
import type { Admission } from "../../kind.ts";
import { ipv6ServiceAddressOf, storedNetwork } from "../subnet/own-addresses.ts";
import { AddressPools } from "./address-pools.ts";

/** The spaces of claims; the part before the bar is the field that holds the key. */
export const addressesOf = (subnetId: string) => `ip_address|${subnetId}`;
export const ipv6AddressesOf = (subnetId: string) => `ipv6_address|${subnetId}`;
export const macsOf = (vpcId: string) => `mac_address|${vpcId}`;

/** The prefix that OpenStack's addresses have too, and that existing callers expect. */
const macPrefix = "fa:16:3e";

/** How many of an IPv6 network's addresses are drawn from, the lowest: more than there will ever be ports. */
const drawnFrom = 2 ** 32;

const pools = new AddressPools();

/** A family's addresses in one subnet. */
export interface AddressSpace {
  /** The port's field. */
  readonly path: "ip_address" | "ipv6_address";
  /** Of the claims; names its pool too. */
  readonly space: string;
  readonly network: IpNetwork;
  /** What no port may have, by its offset, and whose it is. */
  readonly reserved: ReadonlyMap<number, string>;
}

/** An address's place in its network; exact below 2^53, which all that is drawn or reserved is. */
function offsetOf(network: IpNetwork, ip: string): number {
  return Number((parseIp(ip)?.value ?? network.first) - network.first);
}

export function ipv4Space(subnetId: string, { cidr = "", gateway = "", serviceAddress }: Subnet): AddressSpace {
  const network = storedNetwork(cidr);
  const reserved = new Map([
    [0, `the network's address of ${cidr}`],
    [Number(sizeOf(network)) - 1, `the broadcast address of ${cidr}`],
    [offsetOf(network, gateway), "the subnet's gateway"],
    [offsetOf(network, serviceAddress), "where the cloud's own services answer"],
  ]);
  return { path: "ip_address", space: addressesOf(subnetId), network, reserved };
}

/** Undefined: the subnet has no IPv6. */
export function ipv6Space(subnetId: string, { ipv6Cidr, ipv6Gateway }: Subnet): AddressSpace | undefined {
  if (ipv6Cidr === undefined) return undefined;
  const network = storedNetwork(ipv6Cidr);
  const reserved = new Map([
    [0, `the routers' anycast address of ${ipv6Cidr}`],
    [offsetOf(network, ipv6Gateway), "the subnet's gateway"],
    [offsetOf(network, ipv6ServiceAddressOf(ipv6Cidr)), "where the cloud's own services answer"],
  ]);
  return { path: "ipv6_address", space: ipv6AddressesOf(subnetId), network, reserved };
}

/** @throws Fault INVALID_FIELDS on the field. Whether it is free is the claim's matter. */
export function checkAddress({ path, network, reserved }: AddressSpace, ip: string): void {
  const [first, last] = [addressAt(network, 1n), addressAt(network, -2n)];
  const hint = `use a free one from ${formatIp(first)} to ${formatIp(last)}, or leave it out`;
  const address = parseIp(ip);
  if (address === undefined || !includes(network, address)) {
    const block = `${formatIp(addressAt(network, 0n))}/${network.prefixLength}`;
    throw invalidField(path, "range", `${ip} is not inside the subnet's ${block}; ${hint}`);
  }
  const use = reserved.get(offsetOf(network, ip));
  if (use !== undefined) throw invalidField(path, "range", `${ip} is ${use}; ${hint}`);
}

/** Draws a free address. @throws Fault OUT_OF_ADDRESSES */
export async function drawAddress(admission: Admission, of: AddressSpace): Promise<string> {
  const { path, space, network, reserved } = of;
  const claimed = async () => new Set([...(await admission.claimed(space))].map((ip) => offsetOf(network, ip)));
  const size = Math.min(Number(sizeOf(network)), drawnFrom);
  const { now, caller } = admission;
  const keep = !admission.planning;
  const random = (below: number) => Buffer.from(admission.random(6)).readUIntBE(0, 6) % below;
  const source = { space, size, reserved: new Set(reserved.keys()), claimed };
  const offset = await pools.draw(source, { requestId: caller.requestId, now, keep, random });
  if (offset !== undefined) return formatIp(addressAt(network, BigInt(offset)));
  const message = `all addresses of ${formatIp(addressAt(network, 0n))}/${network.prefixLength} are taken; delete a port or use another subnet`;
  throw new Fault("OUT_OF_ADDRESSES", message, { violations: [{ path, rule: "exhausted", message }] });
}

/** Lets a port's addresses be drawn again. */
export function releaseAddresses({ subnetId, ipAddress = "", ipv6Address }: Port, subnet: Subnet): void {
  const ipv4 = ipv4Space(subnetId, subnet);
  pools.release(ipv4.space, offsetOf(ipv4.network, ipAddress));
  const ipv6 = ipv6Space(subnetId, subnet);
  if (ipv6 !== undefined && ipv6Address !== undefined) pools.release(ipv6.space, offsetOf(ipv6.network, ipv6Address));
}

export function drawMac(admission: Admission): string {
  return [macPrefix, ...[...admission.random(3)].map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}
