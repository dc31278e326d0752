// What we write into OVN is checked here, at the last gate: OVN pastes options and matches into flows as they are, and one that it can't read
// takes DHCP from a port or opens a filter, without an error anywhere.
import { isIPv4, isIPv6 } from "node:net";
import { formatNetwork, parseNetwork } from "../../../../ip.ts";
import { DriverError } from "../../../driver-error.ts";

/** An address's family. */
export type Family = 4 | 6;

function refuse(what: string, given: string): never {
  throw new DriverError("refused", `${JSON.stringify(given)} is no ${what}`);
}

/** The family of an address, which must be one. @throws DriverError "refused" */
export function familyOf(address: string): Family {
  if (isIPv4(address)) return 4;
  return isIPv6(address) && !/[%.]/.test(address) ? 6 : refuse("address", address);
}

/** An address of either family. @throws DriverError "refused" */
export function checkedAddress(address: string): string {
  familyOf(address);
  return address;
}

/** A host's address with its network's prefix length: "10.0.1.1/24". @throws DriverError "refused" */
export function checkedCidr(cidr: string): string {
  familyOfCidr(cidr);
  return cidr;
}

/** A network without host bits, with which OVN would not read the match. @throws DriverError "refused" */
export function networkOf(cidr: string): string {
  familyOfCidr(cidr);
  const network = parseNetwork(cidr);
  return network === undefined ? refuse("network", cidr) : formatNetwork(network);
}

/** The family of a network, which must be one. @throws DriverError "refused" */
export function familyOfCidr(cidr: string): Family {
  const slash = cidr.indexOf("/");
  const length = cidr.slice(slash + 1);
  if (slash < 0 || !/^(0|[1-9]\d{0,2})$/.test(length)) return refuse("network", cidr);
  const family = familyOf(cidr.slice(0, slash));
  return Number(length) <= (family === 4 ? 32 : 128) ? family : refuse("network", cidr);
}

/** The address of an "address/length". @throws DriverError "refused" */
export function addressOf(cidr: string): string {
  checkedCidr(cidr);
  return cidr.slice(0, cidr.indexOf("/"));
}

/** The networks of one family. @throws DriverError "refused" if any is no network. */
export function ofFamily(cidrs: readonly string[], family: Family): string[] {
  return cidrs.filter((cidr) => familyOfCidr(cidr) === family).map(networkOf);
}

/** A MAC as OVN writes them: "fa:16:3e:00:00:01". @throws DriverError "refused" */
export function checkedMac(mac: string): string {
  return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac) ? mac : refuse("MAC address in lower case", mac);
}

/** An id or a name that goes into quotes: letters, digits, dots, dashes and underscores. @throws DriverError "refused" */
export function checkedName(name: string): string {
  return /^[A-Za-z0-9._-]{1,200}$/.test(name) ? name : refuse("name", name);
}

/** A host's label or a domain of labels (RFC 1035 section 2.3.1; digits may begin one, RFC 1123 section 2.1). @throws DriverError "refused" */
export function checkedDomain(domain: string): string {
  const label = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
  return domain.length <= 253 && domain.split(".").every((part) => label.test(part))
    ? domain
    : refuse("domain", domain);
}

/** A whole number in a range. @throws DriverError "refused" */
export function checkedNumber(value: number, first: number, last: number): number {
  const fits = Number.isInteger(value) && value >= first && value <= last;
  return fits ? value : refuse(`whole number from ${first} to ${last}`, String(value));
}

/** Text between the quotes that OVN's option parser asks for. What goes in is checked by the caller: it has no quotes. */
export function quoted(text: string): string {
  return `"${text}"`;
}
