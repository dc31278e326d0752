// The place in a subnet where the host answers: a network namespace with the service's addresses, on a cable that can be plugged into the subnet.
import { createHash } from "node:crypto";
import {
  addNamespace,
  ip,
  ipForced,
  namespaces,
  removeNamespace,
  writeChecksums,
} from "../../backends/linux/namespaces.ts";
import { metadataAddresses } from "../../backends/network/driver.ts";
import { formatNetwork, parseNetwork } from "../../ip.ts";
import type { ServedSubnet } from "./served-subnet.ts";

/** Where things are called what. */
export interface ServiceNames {
  readonly namespace: string;
  /** The end of the cable in the host's namespace. */
  readonly device: string;
}

/** The namespace of the host's Open vSwitch; undefined: the machine's own. */
type HostNamespace = string | undefined;

/** What the namespaces of a host begin with, so that those that were left behind are found. */
export function prefixOf(host: HostNamespace): string {
  return `${host ?? "photon"}-s-`;
}

/** Names follow from the subnet's id; a device's has at most 15 letters. */
export function namesOf(host: HostNamespace, subnetId: string): ServiceNames {
  const hash = createHash("sha256").update(subnetId).digest("hex");
  return { namespace: `${prefixOf(host)}${hash.slice(0, 10)}`, device: `ps${hash.slice(0, 10)}` };
}

/** The route by which metadata leaves: to the subnet alone, one hop far, so that a guest that forwards can't hand it on. */
const metadataTable = 169;

function metadataRoutes({ addresses }: ServedSubnet): readonly string[] {
  const networks = addresses.map(parseNetwork).filter((network) => network?.family === 4);
  const routes = networks.map(
    (network) => `route add ${network && formatNetwork(network)} dev eth0 scope link hoplimit 1 table ${metadataTable}`,
  );
  return [`rule add from ${metadataAddresses[0]} table ${metadataTable}`, ...routes];
}

function addressLines({ addresses }: ServedSubnet): readonly string[] {
  const [v4, v6] = metadataAddresses;
  const all = [...addresses, `${v4}/32`, `${v6}/64`];
  return all.map((address) => `addr add ${address} dev eth0${address.includes(":") ? " nodad" : ""}`);
}

/** Makes it anew, whatever was left of an earlier one. */
export async function makeServiceNamespace(
  host: HostNamespace,
  names: ServiceNames,
  subnet: ServedSubnet,
): Promise<void> {
  const { namespace, device } = names;
  await removeServiceNamespace(host, names);
  await addNamespace(namespace);
  await ip(
    host,
    `link add ${device} type veth peer name eth0 netns ${namespace}`,
    `link set ${device} addrgenmode none up`,
  );
  const gateways = subnet.gateways.map((gateway) => `route add default via ${gateway} dev eth0`);
  await ip(
    namespace,
    `link set eth0 address ${subnet.macAddress} addrgenmode none up`,
    ...addressLines(subnet),
    ...gateways,
    ...metadataRoutes(subnet),
  );
  await writeChecksums(namespace, "eth0");
}

export async function removeServiceNamespace(host: HostNamespace, { namespace, device }: ServiceNames): Promise<void> {
  await ipForced(host, `link del ${device}`);
  await removeNamespace(namespace);
}

/** The namespaces on the machine that a host's agent made. */
export async function serviceNamespaces(host: HostNamespace): Promise<readonly string[]> {
  return (await namespaces()).filter((name) => name.startsWith(prefixOf(host)));
}
