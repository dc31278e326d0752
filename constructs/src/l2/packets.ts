// What packets a rule speaks of: `tcp(80)`, `udp(5000, 5010)`, `icmp()`, `anything()`.

/** A protocol and, for TCP and UDP, a range of ports. */
export interface Packets {
  /** Left out: any. */
  readonly protocol?: "tcp" | "udp" | "icmp";
  readonly ports?: { readonly first: number; readonly last?: number };
  /** What it is called in a rule's name: "tcp-80". */
  readonly word: string;
}

function portRange(protocol: "tcp" | "udp", first: number, last?: number): Packets {
  for (const port of [first, last ?? first])
    if (!Number.isInteger(port) || port < 1 || port > 65535)
      throw new Error(`${protocol}(${port}): a port is a whole number from 1 to 65535`);
  if (last !== undefined && last < first)
    throw new Error(`${protocol}(${first}, ${last}): the last port comes before the first; swap them`);
  const ports = last === undefined ? { first } : { first, last };
  return { protocol, ports, word: last === undefined ? `${protocol}-${first}` : `${protocol}-${first}-${last}` };
}

/** TCP to one port, or to a range with both ends. */
export const tcp = (first: number, last?: number): Packets => portRange("tcp", first, last);

/** UDP to one port, or to a range with both ends. */
export const udp = (first: number, last?: number): Packets => portRange("udp", first, last);

/** ICMP: ping and its kin. */
export const icmp = (): Packets => ({ protocol: "icmp", word: "icmp" });

/** Every packet. */
export const anything = (): Packets => ({ word: "any" });
