// OVN's match language, written from types alone. A match that OVN can't read opens a filter or shuts DHCP without an error, so no text of a
// tenant's comes near it: every value is an address, a network, a number, or a name of ours.
import {
  checkedAddress,
  checkedName,
  checkedNumber,
  type Family,
  familyOfCidr,
  networkOf,
  ofFamily,
} from "./checked.ts";

/** Conditions that must all hold; made by the functions below alone. */
export type Match = string & { readonly __match: never };

function term(text: string): Match {
  return text as Match;
}

/** All of them. */
export function all(...terms: readonly Match[]): Match {
  return term(terms.join(" && "));
}

/** Which side of the filter: packets to a port ("to-lport") or from it. */
export type Lport = "inport" | "outport";
/** Which end of the packet. */
export type End = "src" | "dst";

/** Through a port of a group. */
export function throughGroup(lport: Lport, groupName: string): Match {
  return term(`${lport} == @${checkedSetName(groupName)}`);
}

/** Through a port. */
export function throughPort(lport: Lport, portName: string): Match {
  return term(`${lport} == "${checkedName(portName)}"`);
}

/** Any packet of either family, or of one. */
export function ip(family?: Family): Match {
  return term(family === undefined ? "ip" : `ip${family}`);
}

/** From or to a network. */
export function inNetwork(end: End, cidr: string): Match {
  return term(`ip${familyOfCidr(cidr)}.${end} == ${networkOf(cidr)}`);
}

/** From or to one of some addresses or networks of one family; at least one. */
export function among(end: End, family: Family, values: readonly string[]): Match {
  return term(`ip${family}.${end} == ${braced(family, values)}`);
}

/** A packet of a family that is from or to none of the networks. */
export function notAmong(end: End, family: Family, cidrs: readonly string[]): Match {
  const own = ofFamily(cidrs, family);
  return own.length === 0 ? ip(family) : all(ip(family), term(`!(ip${family}.${end} == ${braced(family, own)})`));
}

function braced(family: Family, values: readonly string[]): string {
  const checked = values.map((value) => (value.includes("/") ? networkOf(value) : checkedAddress(value)));
  const own = checked.filter((value) => value.includes(":") === (family === 6));
  return `{${own.join(", ")}}`;
}

/** From or to an address of one of some sets. */
export function inSetsNamed(end: End, family: Family, setNames: readonly [string, ...string[]]): Match {
  const sets = setNames.map((name) => `$${checkedSetName(name)}`);
  return term(`ip${family}.${end} == ${sets.length === 1 ? sets[0] : `{${sets.join(", ")}}`}`);
}

/** To a range of ports, or from one. */
export function ports(
  protocol: "tcp" | "udp",
  end: End,
  { first, last }: { readonly first: number; readonly last: number },
): Match {
  const [low, high] = [checkedNumber(first, 0, 65_535), checkedNumber(last, first, 65_535)];
  const field = `${protocol}.${end}`;
  return term(low === high ? `${field} == ${low}` : `${field} >= ${low} && ${field} <= ${high}`);
}

/** A protocol; "icmp" of both families where none is given. */
export function protocol(name: "tcp" | "udp" | "icmp", family?: Family): Match {
  return term(name === "icmp" && family !== undefined ? `icmp${family}` : name);
}

/** Names of groups and sets stand in matches without quotes: letters, digits and underscores. */
function checkedSetName(name: string): string {
  return checkedName(name).replace(/[^A-Za-z0-9_]/g, "_");
}
