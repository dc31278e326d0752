// The addresses of an external network: VPCs' egress addresses and elastic IPs are drawn from one pool, each taken once by a claim.
import type { ExternalNetwork } from "@photoncloud/proto/gen/prismnet/v1/external_network_pb";
import { Fault, invalidField } from "../../../fault.ts";
import { addressAt, formatIp, type IpNetwork, includes, parseIp, parseNetwork, sizeOf } from "../../../ip.ts";
import type { Admission } from "../../kind.ts";
import { AddressPools } from "../port/address-pools.ts";

/** The space of the claims; the part before the bar is the elastic IP's field that holds the key. */
const addressesOf = (externalNetworkId: string) => `address|${externalNetworkId}`;

const pools = new AddressPools();

/** How many of an IPv6 pool's addresses are drawn from, the lowest: more than there will ever be tenants. */
const drawnFrom = 2 ** 32;

/** An external network in a family. */
interface Side {
  readonly family: IpNetwork["family"];
  readonly cidr: string;
  readonly poolCidr: string;
  readonly gateway: string;
}

/** Undefined: the network has none of the family. */
function sideOf(network: ExternalNetwork, family: IpNetwork["family"]): Side | undefined {
  const { cidr, gateway = "", poolCidr = cidr, ipv6Cidr, ipv6Gateway = "", ipv6PoolCidr } = network;
  if (family === 4) return { family, cidr, poolCidr, gateway };
  if (ipv6Cidr === undefined) return undefined;
  return { family, cidr: ipv6Cidr, poolCidr: ipv6PoolCidr ?? ipv6Cidr, gateway: ipv6Gateway };
}

function needSide(network: ExternalNetwork, family: IpNetwork["family"], path: string): Side {
  const side = sideOf(network, family);
  if (side !== undefined) return side;
  throw invalidField(
    path,
    "conflict",
    `external network ${network.id} has no IPv6; use an IPv4 address, or another network`,
  );
}

function poolOf({ poolCidr }: Side): IpNetwork {
  const network = parseNetwork(poolCidr);
  if (network === undefined) throw new Error(`a stored external network has the pool ${JSON.stringify(poolCidr)}`);
  return network;
}

function offsetOf(pool: IpNetwork, ip: string): number {
  return Number((parseIp(ip)?.value ?? pool.first) - pool.first);
}

/** The network's own addresses and its router's: nobody else may have them. IPv6 has no broadcast. */
function reserved({ family, cidr, gateway }: Side): readonly string[] {
  const network = parseNetwork(cidr);
  if (network === undefined) return [gateway];
  const own = family === 4 ? [0n, -1n] : [0n];
  return [...own.map((n) => formatIp(addressAt(network, n))), gateway];
}

/** How many addresses of a network's pool may be given away. */
export function usableIn(network: ExternalNetwork, family: IpNetwork["family"]): number {
  const side = sideOf(network, family);
  if (side === undefined) return 0;
  const pool = poolOf(side);
  const kept = reserved(side).filter((ip) => isIn(pool, ip));
  return Number(sizeOf(pool)) - new Set(kept).size;
}

function isIn(pool: IpNetwork, ip: string): boolean {
  const address = parseIp(ip);
  return address !== undefined && includes(pool, address);
}

export function familyOf(ip: string): IpNetwork["family"] {
  return ip.includes(":") ? 6 : 4;
}

/** @throws Fault INVALID_FIELDS on "address". Whether it is free is the claim's matter. */
export function checkAddress(ip: string, network: ExternalNetwork): void {
  const { id } = network;
  const side = needSide(network, familyOf(ip), "address");
  const mend = `use a free one of ${side.poolCidr}, or leave it out`;
  if (!isIn(poolOf(side), ip))
    throw invalidField("address", "range", `${ip} is not among the addresses of ${id}; ${mend}`);
  if (ip === side.gateway) throw invalidField("address", "range", `${ip} is the gateway of ${id}; ${mend}`);
  if (reserved(side).includes(ip))
    throw invalidField("address", "range", `${ip} is the network's or the broadcast address of ${id}; ${mend}`);
}

/** What is drawn. */
export interface Wish {
  readonly family: IpNetwork["family"];
  /** The field that it is for. */
  readonly path: string;
}

/** Draws a free address. @throws Fault OUT_OF_ADDRESSES, INVALID_FIELDS if the network has none of the family */
export async function drawAddress(admission: Admission, network: ExternalNetwork, wish: Wish): Promise<string> {
  const { family, path } = wish;
  const side = needSide(network, family, path);
  const pool = poolOf(side);
  const claimed = async () => {
    const taken = [...(await admission.claimed(addressesOf(network.id)))].filter((ip) => familyOf(ip) === family);
    return new Set(taken.map((ip) => offsetOf(pool, ip)));
  };
  const taboo = new Set(reserved(side).map((ip) => offsetOf(pool, ip)));
  const size = Math.min(Number(sizeOf(pool)), drawnFrom);
  const source = { space: spaceOf(network, family), size, reserved: taboo, claimed };
  const { now, caller } = admission;
  const random = (below: number) => Buffer.from(admission.random(6)).readUIntBE(0, 6) % below;
  const draw = { requestId: caller.requestId, now, keep: !admission.planning, random };
  const offset = await pools.draw(source, draw);
  if (offset !== undefined) return formatIp(addressAt(pool, BigInt(offset)));
  const message = `all addresses of the external network ${network.id} are taken; delete an elastic IP that is not needed, or ask the cloud's operator for more`;
  throw new Fault("OUT_OF_ADDRESSES", message, { violations: [{ path, rule: "exhausted", message }] });
}

/** The name of a family's pool. */
function spaceOf({ id }: ExternalNetwork, family: IpNetwork["family"]): string {
  return `${id}/${family}`;
}

/** Takes an address for the resource that is being written. */
export function claimAddress(admission: Admission, externalNetworkId: string, ip: string, drawn: boolean): void {
  admission.claim({ space: addressesOf(externalNetworkId), key: ip, drawn });
}

/** Lets an address be drawn again. */
export function releaseAddress(network: ExternalNetwork, ip: string): void {
  const family = familyOf(ip);
  const side = sideOf(network, family);
  if (side !== undefined) pools.release(spaceOf(network, family), offsetOf(poolOf(side), ip));
}
