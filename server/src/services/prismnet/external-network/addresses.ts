// The addresses of an external network: VPCs' egress addresses and elastic IPs are drawn from one pool, each taken once by a claim.
import type { ExternalNetwork } from "@photoncloud/proto/gen/prismnet/v1/external_network_pb";
import { Fault, invalidField } from "../../../fault.ts";
import { addressAt, formatIp, type IpNetwork, includes, parseIp, parseNetwork, sizeOf } from "../../../ip.ts";
import type { Admission } from "../../kind.ts";
import { AddressPools } from "../port/address-pools.ts";

/** The space of the claims; the part before the bar is the elastic IP's field that holds the key. */
const addressesOf = (externalNetworkId: string) => `address|${externalNetworkId}`;

const pools = new AddressPools();

function poolOf({ cidr, poolCidr = cidr }: ExternalNetwork): IpNetwork {
  const network = parseNetwork(poolCidr);
  if (network === undefined) throw new Error(`a stored external network has the pool_cidr ${JSON.stringify(poolCidr)}`);
  return network;
}

function offsetOf(pool: IpNetwork, ip: string): number {
  return Number((parseIp(ip)?.value ?? pool.first) - pool.first);
}

/** The network's own addresses and its router's: nobody else may have them. */
function reserved({ cidr, gateway = "" }: ExternalNetwork): readonly string[] {
  const network = parseNetwork(cidr);
  if (network === undefined) return [gateway];
  return [formatIp(addressAt(network, 0n)), formatIp(addressAt(network, -1n)), gateway];
}

/** How many addresses of a network's pool may be given away. */
export function usableIn(network: ExternalNetwork): number {
  const pool = poolOf(network);
  const kept = reserved(network).filter((ip) => isIn(pool, ip));
  return Number(sizeOf(pool)) - new Set(kept).size;
}

function isIn(pool: IpNetwork, ip: string): boolean {
  const address = parseIp(ip);
  return address !== undefined && includes(pool, address);
}

/** @throws Fault INVALID_FIELDS on "address". Whether it is free is the claim's matter. */
export function checkAddress(ip: string, network: ExternalNetwork): void {
  const { id, poolCidr, gateway } = network;
  const mend = `use a free one of ${poolCidr}, or leave it out`;
  if (!isIn(poolOf(network), ip))
    throw invalidField("address", "range", `${ip} is not among the addresses of ${id}; ${mend}`);
  if (ip === gateway) throw invalidField("address", "range", `${ip} is the gateway of ${id}; ${mend}`);
  if (reserved(network).includes(ip))
    throw invalidField("address", "range", `${ip} is the network's or the broadcast address of ${id}; ${mend}`);
}

/** Draws a free address; `path` is the field that it is for. @throws Fault OUT_OF_ADDRESSES */
export async function drawAddress(admission: Admission, network: ExternalNetwork, path: string): Promise<string> {
  const pool = poolOf(network);
  const claimed = async () =>
    new Set([...(await admission.claimed(addressesOf(network.id)))].map((ip) => offsetOf(pool, ip)));
  const taboo = new Set(reserved(network).map((ip) => offsetOf(pool, ip)));
  const source = { space: network.id, size: Number(sizeOf(pool)), reserved: taboo, claimed };
  const { now, caller } = admission;
  const random = (below: number) => Buffer.from(admission.random(6)).readUIntBE(0, 6) % below;
  const draw = { requestId: caller.requestId, now, keep: !admission.planning, random };
  const offset = await pools.draw(source, draw);
  if (offset !== undefined) return formatIp(addressAt(pool, BigInt(offset)));
  const message = `all addresses of the external network ${network.id} are taken; delete an elastic IP that is not needed, or ask the cloud's operator for more`;
  throw new Fault("OUT_OF_ADDRESSES", message, { violations: [{ path, rule: "exhausted", message }] });
}

/** Takes an address for the resource that is being written. */
export function claimAddress(admission: Admission, externalNetworkId: string, ip: string, drawn: boolean): void {
  admission.claim({ space: addressesOf(externalNetworkId), key: ip, drawn });
}

/** Lets an address be drawn again. */
export function releaseAddress(network: ExternalNetwork, ip: string): void {
  pools.release(network.id, offsetOf(poolOf(network), ip));
}
