// The formats of strings: a check each, which answers what is wrong and how to mend it.
import { Format } from "./gen/photoncloud/meta/v1/meta_pb.ts";

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

/** An IPv6 address as a number (RFC 4291, 2.2; with an embedded IPv4 address too), or undefined. Zones are refused. */
export function parseIpV6(text: string): bigint | undefined {
  const embedded = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (embedded?.[1] !== undefined && embedded[2] !== undefined) {
    const v4 = parseIpV4(embedded[2]);
    if (v4 === undefined) return undefined;
    return parseIpV6(`${embedded[1]}${Math.floor(v4 / 65536).toString(16)}:${(v4 % 65536).toString(16)}`);
  }
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const groups = (half: string | undefined) => (half === undefined || half === "" ? [] : half.split(":"));
  const [head, tail] = [groups(halves[0]), groups(halves[1])];
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...head, ...Array<string>(missing).fill("0"), ...tail];
  if (!all.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return all.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}

/** The network that an IPv4 address with a prefix length lies in: "10.0.0.5/16" → "10.0.0.0/16". */
function networkV4(address: number, length: number): string {
  const size = 2 ** (32 - length);
  return `${formatIpV4(Math.floor(address / size) * size)}/${length}`;
}

function cidrV4(text: string): string | undefined {
  const [host = "", length = "", ...rest] = text.split("/");
  const address = parseIpV4(host);
  const bits = /^(0|[1-9]\d?)$/.test(length) ? Number(length) : 33;
  if (address === undefined || bits > 32 || rest.length > 0) return "an IPv4 network is needed, like 10.0.0.0/16";
  const network = networkV4(address, bits);
  return network === text ? undefined : `it has host bits set; write ${network}`;
}

function cidrV6(text: string): string | undefined {
  const [host = "", length = "", ...rest] = text.split("/");
  const address = parseIpV6(host);
  const bits = /^(0|[1-9]\d{0,2})$/.test(length) ? Number(length) : 129;
  if (address === undefined || bits > 128 || rest.length > 0)
    return "an IPv4 or IPv6 network is needed, like 10.0.0.0/16 or fd00::/64";
  return address % (1n << BigInt(128 - bits)) === 0n ? undefined : `it has host bits set below /${bits}; clear them`;
}

const says = (ok: boolean, need: string) => (ok ? undefined : need);

function url(text: string): string | undefined {
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  return says(parsed?.protocol === "http:" || parsed?.protocol === "https:", "an absolute http or https URL is needed");
}

/** By format: answers what is needed instead, or undefined where the string is right. */
export const formatChecks: Readonly<Record<Format, (text: string) => string | undefined>> = {
  [Format.UNSPECIFIED]: () => undefined,
  [Format.NAME]: (text) =>
    says(
      /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text),
      "1 to 63 of a-z, 0-9 and - are allowed, beginning with a letter and not ending with -",
    ),
  [Format.CIDR]: (text) => (text.includes(":") ? cidrV6(text) : cidrV4(text)),
  [Format.CIDR_V4]: cidrV4,
  [Format.IP]: (text) =>
    says(
      parseIpV4(text) !== undefined || parseIpV6(text) !== undefined,
      "an IPv4 or IPv6 address is needed, like 10.0.1.10 or fd00::10",
    ),
  [Format.IP_V4]: (text) => says(parseIpV4(text) !== undefined, "an IPv4 address is needed, like 10.0.1.10"),
  [Format.MAC]: (text) =>
    says(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(text), "a MAC address is needed, like fa:16:3e:00:00:01"),
  [Format.EMAIL]: (text) =>
    says(
      text.length <= 254 && /^[^\s@<>(),;:"[\]\\]{1,64}@[^\s@.]+(\.[^\s@.]+)+$/.test(text),
      "an e-mail address is needed, like alice@acme.example",
    ),
  [Format.URL]: url,
  [Format.DIGEST]: (text) =>
    says(/^sha256:[0-9a-f]{64}$/.test(text), 'a digest is needed: "sha256:" and 64 hexadecimal digits'),
};
