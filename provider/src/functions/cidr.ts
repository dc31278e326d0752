// Functions that cut networks: what a program needs to know of a subnet's block before the cloud has drawn it.
import { bool, list, number, string } from "../cty/type.ts";
import { isList, type Value } from "../cty/value.ts";
import { ArgumentError, integerAt, type Parameter, type ProviderFunction } from "./function.ts";
import {
  encloses,
  formatNetwork,
  type Network,
  networkAt,
  networkOrAddressAt,
  nextFree,
  overlaps,
  readNetwork,
} from "./network.ts";

const within: Parameter = {
  name: "within",
  type: string,
  description: 'The network to cut from, for example a VPC\'s: "10.0.0.0/16" or "fd00::/48".',
};
const length: Parameter = {
  name: "prefix_length",
  type: number,
  description: "How long the block's prefix is: 24 for a /24.",
};

const lengthAt = (args: readonly Value[], at: number, outer: Network): number =>
  Number(integerAt(args, at, BigInt(outer.length), BigInt(outer.bits)));

function freeBlock(at: number, outer: Network, prefix: number, taken: readonly Network[]): Network {
  const block = nextFree(outer, prefix, taken);
  if (block !== undefined) return block;
  throw new ArgumentError(at, `${formatNetwork(outer)} has no free block of a /${prefix} left`);
}

/** The block at a place. */
const cidrAt: ProviderFunction = {
  summary: "The block at a place in a network",
  description:
    "Cuts `within` into blocks of the same size and answers the one at `index`, counted from 0; -1 is the last one.",
  parameters: [within, length, { name: "index", type: number, description: "Which block; negative: from the end." }],
  returns: string,
  call(args) {
    const outer = networkAt(args, 0);
    const prefix = lengthAt(args, 1, outer);
    const count = 1n << BigInt(prefix - outer.length);
    const index = integerAt(args, 2, -count, count - 1n);
    const size = 1n << BigInt(outer.bits - prefix);
    const first = outer.first + (index < 0n ? count + index : index) * size;
    return formatNetwork({ bits: outer.bits, first, length: prefix });
  },
};

/** What the cloud would draw. */
const cidrNext: ProviderFunction = {
  summary: "The next free block of a network",
  description:
    "The lowest block of a size that overlaps none of `taken`: the one that the cloud draws for a subnet that asks for none, where `taken` are the blocks of the VPC's subnets.",
  parameters: [
    within,
    length,
    {
      name: "taken",
      type: list(string),
      description: "The blocks that are in use; those of the other family are ignored.",
    },
  ],
  returns: string,
  call(args) {
    const outer = networkAt(args, 0);
    const prefix = lengthAt(args, 1, outer);
    const given = isList(args[2]) ? args[2] : [];
    return formatNetwork(
      freeBlock(
        1,
        outer,
        prefix,
        given.map((one) => readNetwork(String(one), 2)),
      ),
    );
  },
};

/** Many at once, each as the cloud would draw it after the others. */
const cidrCarve: ProviderFunction = {
  summary: "Blocks of several sizes, one after the other",
  description:
    "One block for each prefix length, in their order: each is the lowest that is free after those before it, as the cloud draws them.",
  parameters: [within],
  variadic: { name: "prefix_lengths", type: number, description: "How long each block's prefix is." },
  returns: list(string),
  call(args) {
    const outer = networkAt(args, 0);
    const blocks: Network[] = [];
    for (let at = 1; at < args.length; at++) blocks.push(freeBlock(at, outer, lengthAt(args, at, outer), blocks));
    return blocks.map(formatNetwork);
  },
};

const contains: ProviderFunction = {
  summary: "Whether a network or an address is inside a network",
  description: "True where all of `inner` is in `outer`. Networks of different families are never in each other.",
  parameters: [
    { name: "outer", type: string, description: 'A network: "10.0.0.0/16".' },
    { name: "inner", type: string, description: 'A network or an address: "10.0.1.0/24", "10.0.1.10".' },
  ],
  returns: bool,
  call: (args) => encloses(networkAt(args, 0), networkOrAddressAt(args, 1)),
};

const overlap: ProviderFunction = {
  summary: "Whether two networks share an address",
  description: "True where they do: two such subnets can't be in one VPC, and two such VPCs can't be peered.",
  parameters: ["one", "other"].map((name) => ({ name, type: string, description: 'A network: "10.0.0.0/16".' })),
  returns: bool,
  call: (args) => overlaps(networkAt(args, 0), networkAt(args, 1)),
};

export const cidrFunctions: Readonly<Record<string, ProviderFunction>> = {
  cidr_at: cidrAt,
  cidr_next: cidrNext,
  cidr_carve: cidrCarve,
  cidr_contains: contains,
  cidr_overlaps: overlap,
};
