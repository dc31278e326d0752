// The address and the MAC of a port: asked for and checked, or drawn.
import type { Port } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import type { Subnet } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { Fault, invalidField } from "../../../fault.ts";
import { addressAt, formatIp, type IpNetwork, includes, parseIp, parseNetwork, sizeOf } from "../../../ip.ts";
import type { Admission } from "../../kind.ts";
import { AddressPools } from "./address-pools.ts";

/** The spaces of claims; the part before the bar is the field that holds the key. */
export const addressesOf = (subnetId: string) => `ip_address|${subnetId}`;
export const macsOf = (vpcId: string) => `mac_address|${vpcId}`;

/** The prefix that OpenStack's addresses have too, and that existing callers expect. */
const macPrefix = "fa:16:3e";

const pools = new AddressPools();

function networkOfSubnet({ cidr = "" }: Subnet): IpNetwork {
  const network = parseNetwork(cidr);
  if (network === undefined) throw new Error(`a stored subnet has the cidr ${JSON.stringify(cidr)}`);
  return network;
}

function offsetOf(network: IpNetwork, ip: string): number {
  return Number((parseIp(ip)?.value ?? network.first) - network.first);
}

/** Addresses that no port may have. */
function reservedIn(network: IpNetwork, subnet: Subnet): ReadonlySet<number> {
  return new Set([
    0,
    Number(sizeOf(network)) - 1,
    offsetOf(network, subnet.gateway ?? ""),
    offsetOf(network, subnet.serviceAddress),
  ]);
}

/** @throws Fault INVALID_FIELDS on "ip_address". Whether it is free is the claim's matter. */
export function checkAddress(ip: string, subnet: Subnet): void {
  const network = networkOfSubnet(subnet);
  const address = parseIp(ip);
  const hint = `use a free one from ${formatIp(addressAt(network, 1n))} to ${formatIp(addressAt(network, -2n))}, or leave it out`;
  if (address === undefined || !includes(network, address))
    throw invalidField("ip_address", "range", `${ip} is not inside the subnet's ${subnet.cidr}; ${hint}`);
  if (ip === subnet.gateway) throw invalidField("ip_address", "range", `${ip} is the subnet's gateway; ${hint}`);
  if (ip === subnet.serviceAddress)
    throw invalidField("ip_address", "range", `${ip} is where the cloud's own services answer; ${hint}`);
  if (reservedIn(network, subnet).has(offsetOf(network, ip)))
    throw invalidField(
      "ip_address",
      "range",
      `${ip} is the network's or the broadcast address of ${subnet.cidr}; ${hint}`,
    );
}

/** Draws a free address. @throws Fault OUT_OF_ADDRESSES */
export async function drawAddress(admission: Admission, subnetId: string, subnet: Subnet): Promise<string> {
  const network = networkOfSubnet(subnet);
  const claimed = async () =>
    new Set([...(await admission.claimed(addressesOf(subnetId)))].map((ip) => offsetOf(network, ip)));
  const size = Number(sizeOf(network));
  const source = { subnetId, size, reserved: reservedIn(network, subnet), claimed };
  const { now, caller } = admission;
  const keep = !admission.planning;
  const random = (below: number) => Buffer.from(admission.random(6)).readUIntBE(0, 6) % below;
  const offset = await pools.draw(source, { requestId: caller.requestId, now, keep, random });
  if (offset !== undefined) return formatIp(addressAt(network, BigInt(offset)));
  const message = `all addresses of ${subnet.cidr} are taken; delete a port or use another subnet`;
  throw new Fault("OUT_OF_ADDRESSES", message, { violations: [{ path: "ip_address", rule: "exhausted", message }] });
}

/** Lets an address be drawn again. */
export function releaseAddress({ subnetId, ipAddress = "" }: Port, subnet: Subnet): void {
  pools.release(subnetId, offsetOf(networkOfSubnet(subnet), ipAddress));
}

export function drawMac(admission: Admission): string {
  return [macPrefix, ...[...admission.random(3)].map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}
