// Subnets: blocks of their VPC's addresses that do not overlap.
import { type Subnet, SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { type Vpc, VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { Fault, invalidField } from "../../../fault.ts";
import {
  addressAt,
  encloses,
  formatIp,
  formatNetwork,
  type IpNetwork,
  includes,
  nextFreeNetwork,
  overlaps,
  parseIp,
  parseNetwork,
} from "../../../ip.ts";
import { type Admission, defineKind } from "../../kind.ts";
import { subnetNetwork, subnetReconciler } from "./kind.steps.ts";

/** The smallest subnet, as a prefix length: 13 addresses for ports. */
const longest = 28;
/** The block that is drawn where none is asked for, if one is free. */
const usual = 24;

/** The space of the blocks of one VPC; the part before the bar is the field that holds the key. */
const blocksOf = (vpcId: string) => `cidr|${vpcId}`;

function needNetwork(path: string, text: string): IpNetwork {
  const network = parseNetwork(text);
  if (network === undefined)
    throw invalidField(path, "format", `${text} is no IPv4 network; write one like 10.0.1.0/24`);
  return network;
}

/** @throws Fault INVALID_FIELDS on "cidr", naming the sibling that it overlaps. */
async function checkBlock(admission: Admission, subnet: Subnet, vpc: Vpc, taken: readonly IpNetwork[]): Promise<void> {
  const block = needNetwork("cidr", subnet.cidr ?? "");
  if (!encloses(needNetwork("cidr", vpc.cidr), block))
    throw invalidField("cidr", "range", `${subnet.cidr} is not inside the VPC's ${vpc.cidr}; use a part of that`);
  if (block.prefixLength > longest)
    throw invalidField("cidr", "range", `${subnet.cidr} is too small; a subnet is at least a /${longest}`);
  const sibling = taken.find((other) => overlaps(other, block));
  if (sibling === undefined) return;
  const name = await nameOf(admission, subnet.vpcId, formatNetwork(sibling));
  const free = freeBlock(vpc, block.prefixLength, taken);
  const mend = free === undefined ? "the VPC has no free block of that size" : `${formatNetwork(free)} is free`;
  throw invalidField("cidr", "overlap", `${subnet.cidr} overlaps ${formatNetwork(sibling)} of subnet ${name}; ${mend}`);
}

async function nameOf(admission: Admission, vpcId: string, cidr: string): Promise<string> {
  const siblings = await admission.list(SubnetSchema);
  const found = siblings.find(({ message }) => message.vpcId === vpcId && message.cidr === cidr);
  return found === undefined ? "" : `${JSON.stringify(found.message.name)} (${found.id})`;
}

function freeBlock(vpc: Vpc, length: number, taken: readonly IpNetwork[]): IpNetwork | undefined {
  return nextFreeNetwork(needNetwork("cidr", vpc.cidr), length, taken);
}

/** The next free /24, lowest first; where there is none, the largest block that is free. @throws Fault OUT_OF_ADDRESSES */
function drawBlock(vpc: Vpc, taken: readonly IpNetwork[]): string {
  const within = needNetwork("cidr", vpc.cidr);
  for (let length = Math.max(usual, within.prefixLength); length <= longest; length++) {
    const block = nextFreeNetwork(within, length, taken);
    if (block !== undefined) return formatNetwork(block);
  }
  const message = `the VPC ${vpc.cidr} has no free block of a /${longest} or larger; delete a subnet or use another VPC`;
  throw new Fault("OUT_OF_ADDRESSES", message, { violations: [{ path: "cidr", rule: "exhausted", message }] });
}

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

/** Where the cloud's own services answer: the last address that is neither the broadcast address nor the gateway. */
export function serviceAddressOf({ cidr = "", gateway }: Pick<Subnet, "cidr" | "gateway">): string {
  const block = needNetwork("cidr", cidr);
  const [last, lastButOne] = [formatIp(addressAt(block, -2n)), formatIp(addressAt(block, -3n))];
  return last === gateway ? lastButOne : last;
}

async function admitBlock(admission: Admission, next: Subnet): Promise<void> {
  const { message: vpc } = await admission.reference(VpcSchema, next.vpcId, "vpc_id");
  admission.guard(`subnets of ${next.vpcId}`);
  const taken = [...(await admission.claimed(blocksOf(next.vpcId)))].map((cidr) => needNetwork("cidr", cidr));
  if (next.cidr === undefined) next.cidr = drawBlock(vpc, taken);
  else await checkBlock(admission, next, vpc, taken);
  next.gateway ??= formatIp(addressAt(needNetwork("cidr", next.cidr), 1n));
  checkGateway(next);
  next.serviceAddress = serviceAddressOf(next);
  next.mtu ??= 1442;
}

export const subnetKind = defineKind({
  schema: SubnetSchema,
  async admit(admission, next, prior) {
    next.dhcpEnabled ??= true;
    if (prior === undefined) await admitBlock(admission, next);
    admission.claim({ space: blocksOf(next.vpcId), key: next.cidr ?? "" });
  },
  reconciler: subnetReconciler,
  network: subnetNetwork,
});
