// Addresses and networks as text: how both families are read and written, and what is wrong with a text that is none.

/** An IPv4 address as a number, or undefined. No leading zeros, which some readers take for octal (RFC 6943, 3.1.1). */
export function parseIpV4(text: string): number | undefined {
  if (!/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(text)) return undefined;
  const parts = text.split(".").map(Number);
  return parts.some((part) => part > 255) ? undefined : parts.reduce((sum, part) => sum * 256 + part, 0);
}

/** An IPv4 address from its number. */
export function formatIpV4(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

/** "::ffff:10.0.0.1" → "::ffff:a00:1"; undefined where what stands at the end is no IPv4 address. */
function withoutEmbedded(text: string): string | undefined {
  const embedded = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (embedded?.[1] === undefined || embedded[2] === undefined) return text;
  const v4 = parseIpV4(embedded[2]);
  if (v4 === undefined) return undefined;
  return `${embedded[1]}${Math.floor(v4 / 65536).toString(16)}:${(v4 % 65536).toString(16)}`;
}

function groupsOf(half: string | undefined): string[] {
  return half === undefined || half === "" ? [] : half.split(":");
}

/** An IPv6 address as a number, in any form of RFC 4291, 2.2, or undefined. Zones are refused. */
export function parseIpV6(text: string): bigint | undefined {
  const halves = withoutEmbedded(text)?.split("::") ?? [];
  if (halves.length < 1 || halves.length > 2) return undefined;
  const [head, tail] = [groupsOf(halves[0]), groupsOf(halves[1])];
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...head, ...Array<string>(missing).fill("0"), ...tail];
  if (!all.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return all.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}

/** The first of the longest runs of two or more zero groups (RFC 5952, 4.2). */
function longestZeros(groups: readonly number[]): { readonly at: number; readonly length: number } | undefined {
  let longest = { at: 0, length: 0 };
  for (let at = 0; at < groups.length; at++) {
    const end = groups.findIndex((group, i) => i >= at && group !== 0);
    const length = (end < 0 ? groups.length : end) - at;
    if (length > longest.length) longest = { at, length };
  }
  return longest.length >= 2 ? longest : undefined;
}

/** The prefix of IPv4-mapped addresses, ::ffff:0:0/96 (RFC 4291, 2.5.5.2). */
const mapped = 0xffffn;

/** An IPv6 address from its number, in the one form that RFC 5952 recommends; IPv4-mapped ones end in dots (section 5). */
export function formatIpV6(address: bigint): string {
  if (address >> 32n === mapped) return `::ffff:${formatIpV4(Number(address & 0xffff_ffffn))}`;
  const groups = Array.from({ length: 8 }, (_, i) => Number((address >> BigInt(16 * (7 - i))) & 0xffffn));
  const written = groups.map((group) => group.toString(16));
  const zeros = longestZeros(groups);
  if (zeros === undefined) return written.join(":");
  return `${written.slice(0, zeros.at).join(":")}::${written.slice(zeros.at + zeros.length).join(":")}`;
}

/** What is wrong with an address of either family, and how to mend it; undefined: nothing. */
export function wrongIp(text: string): string | undefined {
  if (!text.includes(":") && parseIpV4(text) !== undefined) return undefined;
  const address = parseIpV6(text);
  if (address === undefined) return "an IPv4 or IPv6 address is needed, like 10.0.1.10 or fd00::10";
  return formatIpV6(address) === text ? undefined : `IPv6 addresses have one form here; write ${formatIpV6(address)}`;
}

function lengthIn(text: string, most: number): number | undefined {
  return /^(0|[1-9]\d{0,2})$/.test(text) && Number(text) <= most ? Number(text) : undefined;
}

/** As `wrongIp`, for IPv4 networks. */
export function wrongCidrV4(text: string): string | undefined {
  const [host = "", length = "", ...rest] = text.split("/");
  const [address, bits] = [parseIpV4(host), lengthIn(length, 32)];
  if (address === undefined || bits === undefined || rest.length > 0)
    return "an IPv4 network is needed, like 10.0.0.0/16";
  const size = 2 ** (32 - bits);
  const network = `${formatIpV4(Math.floor(address / size) * size)}/${bits}`;
  return network === text ? undefined : `it has host bits set; write ${network}`;
}

/** As `wrongIp`, for networks of either family. */
export function wrongCidr(text: string): string | undefined {
  if (!text.includes(":")) return wrongCidrV4(text);
  const [host = "", length = "", ...rest] = text.split("/");
  const [address, bits] = [parseIpV6(host), lengthIn(length, 128)];
  if (address === undefined || bits === undefined || rest.length > 0)
    return "an IPv4 or IPv6 network is needed, like 10.0.0.0/16 or fd00::/64";
  const shift = BigInt(128 - bits);
  const network = `${formatIpV6((address >> shift) << shift)}/${bits}`;
  if (network === text) return undefined;
  const hasHostBits = address % (1n << shift) !== 0n;
  return `${hasHostBits ? "it has host bits set" : "IPv6 networks have one form here"}; write ${network}`;
}
