// The blocks of a VPC that its subnets have: asked for and checked, or drawn. The same for both families.
import { type Subnet, SubnetSchema } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import { Fault, invalidField } from "../../../fault.ts";
import { encloses, formatNetwork, type IpNetwork, nextFreeNetwork, overlaps, parseNetwork } from "../../../ip.ts";
import type { Admission } from "../../kind.ts";

/** How a family's blocks are cut. */
export interface BlockRules {
  /** The field that holds the block. */
  readonly path: "cidr" | "ipv6_cidr";
  /** What is drawn where none is asked for, if one is free; as a prefix length. */
  readonly usual: number;
  /** The smallest that is allowed. */
  readonly longest: number;
  /** The largest that is allowed. */
  readonly shortest: number;
}

/** At most a /28: 12 addresses for ports. */
export const ipv4Blocks: BlockRules = { path: "cidr", usual: 24, longest: 28, shortest: 0 };

/** A /64 and nothing else: what guests expect of a link (RFC 7421). */
export const ipv6Blocks: BlockRules = { path: "ipv6_cidr", usual: 64, longest: 64, shortest: 64 };

/** The space of the blocks of one VPC; the part before the bar is the field that holds the key. */
export const blocksOf = ({ path }: BlockRules, vpcId: string) => `${path}|${vpcId}`;

export function needNetwork(path: string, text: string): IpNetwork {
  const network = parseNetwork(text);
  if (network === undefined) throw invalidField(path, "format", `${text} is no network; write one like 10.0.1.0/24`);
  return network;
}

/**
 * Admits the block that is asked for, or draws one. Call `admission.guard` for the VPC before.
 *
 * @param asked Undefined: the lowest block that is free of the usual size; where there is none, the largest.
 * @param within The VPC's network.
 * @throws Fault INVALID_FIELDS on the block's field, naming the sibling that it overlaps; OUT_OF_ADDRESSES
 */
export async function admitBlock(
  admission: Admission,
  rules: BlockRules,
  { vpcId, asked, within }: { readonly vpcId: string; readonly asked: string | undefined; readonly within: string },
): Promise<string> {
  const claimed = await admission.claimed(blocksOf(rules, vpcId));
  const taken = [...claimed].map((cidr) => needNetwork(rules.path, cidr));
  const outer = needNetwork(rules.path, within);
  if (asked === undefined) return drawBlock(rules, outer, taken);
  const block = needNetwork(rules.path, asked);
  checkShape(rules, block, outer);
  const sibling = taken.find((other) => overlaps(other, block));
  if (sibling === undefined) return asked;
  const name = await nameOf(admission, vpcId, formatNetwork(sibling));
  const free = nextFreeNetwork(outer, block.prefixLength, taken);
  const mend = free === undefined ? "the VPC has no free block of that size" : `${formatNetwork(free)} is free`;
  const message = `${asked} overlaps ${formatNetwork(sibling)} of subnet ${name}; ${mend}`;
  throw invalidField(rules.path, "overlap", message);
}

function checkShape({ path, shortest, longest }: BlockRules, block: IpNetwork, outer: IpNetwork): void {
  const [given, within] = [formatNetwork(block), formatNetwork(outer)];
  if (!encloses(outer, block))
    throw invalidField(path, "range", `${given} is not inside the VPC's ${within}; use a part of that`);
  if (block.prefixLength > longest)
    throw invalidField(path, "range", `${given} is too small; a subnet is at least a /${longest}`);
  if (block.prefixLength < shortest)
    throw invalidField(path, "range", `${given} is too large; a subnet is a /${shortest}`);
}

async function nameOf(admission: Admission, vpcId: string, cidr: string): Promise<string> {
  const holds = ({ cidr: v4, ipv6Cidr }: Subnet) => v4 === cidr || ipv6Cidr === cidr;
  const siblings = await admission.list(SubnetSchema);
  const found = siblings.find(({ message }) => message.vpcId === vpcId && holds(message));
  return found === undefined ? "" : `${JSON.stringify(found.message.name)} (${found.id})`;
}

function drawBlock({ path, usual, longest }: BlockRules, within: IpNetwork, taken: readonly IpNetwork[]): string {
  for (let length = Math.max(usual, within.prefixLength); length <= longest; length++) {
    const block = nextFreeNetwork(within, length, taken);
    if (block !== undefined) return formatNetwork(block);
  }
  const message = `the VPC ${formatNetwork(within)} has no free block of a /${longest} or larger; delete a subnet or use another VPC`;
  throw new Fault("OUT_OF_ADDRESSES", message, { violations: [{ path, rule: "exhausted", message }] });
}
