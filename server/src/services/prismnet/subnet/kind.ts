// Subnets: blocks of their VPC's addresses that do not overlap.
import { type Subnet, SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { type Vpc, VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { invalidField } from "../../../fault.ts";
import { addressAt, formatIp, includes, parseIp } from "../../../ip.ts";
import { type Admission, defineKind } from "../../kind.ts";
import { addressesOf, ipv6AddressesOf } from "../port/addresses.ts";
import { admitBlock, blocksOf, ipv4Blocks, ipv6Blocks, needNetwork } from "./blocks.ts";
import { subnetNetwork, subnetReconciler } from "./kind.steps.ts";
import { ipv6GatewayOf, ipv6ServiceAddressOf, serviceAddressOf, usualMtu } from "./own-addresses.ts";

/** @throws Fault INVALID_FIELDS on "gateway". */
function checkGateway({ gateway = "", cidr = "" }: Subnet): void {
  const address = parseIp(gateway);
  const block = needNetwork("cidr", cidr);
  const [first, last] = [addressAt(block, 1n), addressAt(block, -2n)];
  const hint = `use one from ${formatIp(first)} to ${formatIp(last)}`;
  if (address === undefined || !includes(block, address))
    throw invalidField("gateway", "range", `${gateway} is not inside ${cidr}; ${hint}`);
  if (address.value < first.value || address.value > last.value)
    throw invalidField("gateway", "range", `${gateway} is the network's or the broadcast address of ${cidr}; ${hint}`);
}

async function admitIpv4(admission: Admission, next: Subnet, vpc: Vpc): Promise<void> {
  const { vpcId, cidr: asked } = next;
  next.cidr = await admitBlock(admission, ipv4Blocks, { vpcId, asked, within: vpc.cidr });
  next.gateway ??= formatIp(addressAt(needNetwork("cidr", next.cidr), 1n));
  checkGateway(next);
  next.serviceAddress = serviceAddressOf(next);
}

async function admitIpv6(admission: Admission, next: Subnet, vpc: Vpc): Promise<void> {
  const { vpcId, ipv6Cidr: asked } = next;
  if (vpc.ipv6Cidr !== undefined) {
    next.ipv6Cidr = await admitBlock(admission, ipv6Blocks, { vpcId, asked, within: vpc.ipv6Cidr });
    next.ipv6Gateway = ipv6GatewayOf(next.ipv6Cidr);
  } else if (asked !== undefined) {
    const message = `${asked} was given, but VPC ${vpc.id} has no IPv6; leave it out, or use a VPC with an ipv6_cidr`;
    throw invalidField("ipv6_cidr", "conflict", message);
  }
}

async function admitBlocks(admission: Admission, next: Subnet): Promise<void> {
  const { message: vpc } = await admission.reference(VpcSchema, next.vpcId, "vpc_id");
  admission.guard(`subnets of ${next.vpcId}`);
  await admitIpv4(admission, next, vpc);
  await admitIpv6(admission, next, vpc);
}

/** Takes its blocks in the VPC, and its own addresses in them, so that no port can ever have one. */
function claim(admission: Admission, { id, vpcId, cidr = "", gateway = "", serviceAddress, ipv6Cidr }: Subnet): void {
  admission.claim({ space: blocksOf(ipv4Blocks, vpcId), key: cidr });
  for (const key of [gateway, serviceAddress]) admission.claim({ space: addressesOf(id), key });
  if (ipv6Cidr === undefined) return;
  admission.claim({ space: blocksOf(ipv6Blocks, vpcId), key: ipv6Cidr });
  for (const key of [ipv6GatewayOf(ipv6Cidr), ipv6ServiceAddressOf(ipv6Cidr)])
    admission.claim({ space: ipv6AddressesOf(id), key });
}

export const subnetKind = defineKind({
  schema: SubnetSchema,
  async admit(admission, next, prior) {
    next.dhcpEnabled ??= true;
    next.mtu ??= usualMtu;
    if (prior === undefined) await admitBlocks(admission, next);
    claim(admission, next);
  },
  reconciler: subnetReconciler,
  network: subnetNetwork,
});
