// Names of addresses: "10.1.0.10.in-addr.arpa" (RFC 1035, section 3.5), "…8.b.d.0.1.0.0.2.ip6.arpa" (RFC 3596, section 2.5).
import { encloses, formatIp, type IpNetwork, overlaps, parseNetwork } from "../../ip.ts";

const families = {
  "in-addr.arpa": { family: 4, bits: 32, step: 8, label: /^(0|[1-9]\d{0,2})$/, base: 10 },
  "ip6.arpa": { family: 6, bits: 128, step: 4, label: /^[0-9a-f]$/, base: 16 },
} as const;

/** The network that a reverse name stands for: of one address where the name is whole. Undefined: it is no reverse name. */
export function networkOfName(name: string): IpNetwork | undefined {
  for (const [zone, { family, bits, step, label, base }] of Object.entries(families)) {
    if (name !== zone && !name.endsWith(`.${zone}`)) continue;
    const labels =
      name === zone
        ? []
        : name
            .slice(0, -zone.length - 1)
            .split(".")
            .toReversed();
    const numbers = labels.map((text) => (label.test(text) ? Number.parseInt(text, base) : Number.NaN));
    if (numbers.length * step > bits || !numbers.every((number) => number < 1 << step)) return undefined;
    const value = numbers.reduce((sum, number) => (sum << BigInt(step)) | BigInt(number), 0n);
    const prefixLength = numbers.length * step;
    return { family, first: value << BigInt(bits - prefixLength), prefixLength };
  }
  return undefined;
}

/** The address that a network of one address is. */
export function onlyAddress({ family, first, prefixLength }: IpNetwork): string | undefined {
  return prefixLength === (family === 4 ? 32 : 128) ? formatIp({ family, value: first }) : undefined;
}

/** Networks whose reverse names are nobody's business beyond this cloud, so that they are never forwarded (RFC 6303). */
const unforwarded = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "255.255.255.255/32",
  "::/127",
  "fc00::/7",
  "fe80::/10",
].map(parseNetwork);

export function staysInside(network: IpNetwork): boolean {
  return unforwarded.some((block) => block !== undefined && encloses(block, network));
}

/** How a name stands to some networks: an address of theirs ("in"), a part or a whole that holds addresses of theirs ("above"), or neither. */
export function standingOf(network: IpNetwork, networks: readonly string[]): "in" | "above" | "out" {
  const known = networks.map(parseNetwork).filter((one) => one !== undefined);
  if (onlyAddress(network) !== undefined) return known.some((one) => encloses(one, network)) ? "in" : "out";
  return known.some((one) => overlaps(one, network)) ? "above" : "out";
}
