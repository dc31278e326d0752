// Networks in CIDR notation as numbers; both families have the same shape. Carved as the cloud carves: the lowest block that is free.
import { formatIpV4, formatIpV6, parseIpV4, parseIpV6, wrongCidr } from "@photoncloud/proto";
import type { Value } from "../cty/value.ts";
import { ArgumentError, textAt } from "./function.ts";

export interface Network {
  /** 32 or 128 */
  readonly bits: number;
  readonly first: bigint;
  readonly length: number;
}

export const sizeOf = (network: Network): bigint => 1n << BigInt(network.bits - network.length);

const last = (network: Network): bigint => network.first + sizeOf(network) - 1n;

/** Whether all of `inner` is in `outer`. */
export const encloses = (outer: Network, inner: Network): boolean =>
  outer.bits === inner.bits && outer.first <= inner.first && last(inner) <= last(outer);

/** Whether two networks share an address. */
export const overlaps = (one: Network, other: Network): boolean =>
  one.bits === other.bits && one.first <= last(other) && other.first <= last(one);

const addressOf = (text: string): { readonly bits: number; readonly first: bigint } | undefined => {
  const six = text.includes(":") ? parseIpV6(text) : undefined;
  if (six !== undefined) return { bits: 128, first: six };
  const four = parseIpV4(text);
  return four === undefined ? undefined : { bits: 32, first: BigInt(four) };
};

/** A network in the one spelling that the cloud takes. @throws ArgumentError for the argument `at`. */
export function readNetwork(text: string, at: number): Network {
  const wrong = wrongCidr(text);
  const [host = "", length = ""] = text.split("/");
  const address = addressOf(host);
  if (wrong !== undefined || address === undefined)
    throw new ArgumentError(at, `${JSON.stringify(text)} was given; ${wrong ?? "a network is needed"}`);
  return { ...address, length: Number(length) };
}

export const networkAt = (args: readonly Value[], at: number): Network => readNetwork(textAt(args, at), at);

/** A network, or an address as the network of it alone. @throws ArgumentError */
export function networkOrAddressAt(args: readonly Value[], at: number): Network {
  const text = textAt(args, at);
  const address = text.includes("/") ? undefined : addressOf(text);
  return address === undefined ? readNetwork(text, at) : { ...address, length: address.bits };
}

export function formatNetwork({ bits, first, length }: Network): string {
  return `${bits === 32 ? formatIpV4(Number(first)) : formatIpV6(first)}/${length}`;
}

/** The lowest block of a length inside `within` that overlaps none of `taken`; undefined where there is none. */
export function nextFree(within: Network, length: number, taken: readonly Network[]): Network | undefined {
  const size = sizeOf({ ...within, length });
  let first = within.first;
  while (first <= last(within)) {
    const block = { ...within, first, length };
    const wall = taken.find((other) => overlaps(other, block));
    if (wall === undefined) return block;
    first = (last(wall) / size + 1n) * size;
  }
  return undefined;
}
