// The wires between the hosts, and from them to what is beyond the cloud: bridges and veth pairs.
import { addNamespace, ip, ipForced, writeChecksums } from "../../../linux/namespaces.ts";
import type { PrivateOvnOptions } from "./private-ovn.ts";

/** A host's end of the tunnels, in a network that only the hosts are on. */
export function encapAddress(number: number): string {
  return `10.99.0.${number}`;
}

/** Room for what Geneve adds to a guest's packet of 1,500 bytes: 58 bytes, with IPv6 underneath 78. */
export const encapMtu = 1_600;

/** The names of the namespaces and devices of one OVN; all of them begin alike. */
export function namesOf(name: string) {
  return {
    prefix: `${name}-`,
    underlay: `${name}-net`,
    outside: `${name}-out`,
    host: (number: number) => `${name}-h${number}`,
    /** In the machine's own namespace. */
    externalBridge: `${name}-ex`,
    externalWire: (number: number) => `${name}-x${number}`,
  };
}

const bridge = (device: string) => [
  `link add ${device} type bridge`,
  `link set ${device} addrgenmode none`,
  `link set ${device} up`,
];

/** A switch that all hosts' eth0 are plugged into. */
export async function layUnderlay(name: string, hosts: number): Promise<void> {
  const { underlay, host } = namesOf(name);
  await addNamespace(underlay);
  await ip(underlay, ...bridge("br0"), `link set br0 mtu ${encapMtu}`);
  for (let number = 1; number <= hosts; number++) {
    const wire = `u${number}`;
    await ip(underlay, `link add ${wire} type veth peer name eth0 netns ${host(number)}`);
    await ip(underlay, `link set ${wire} master br0 addrgenmode none mtu ${encapMtu} up`);
    await raise(host(number), "eth0", encapMtu);
  }
}

/** A switch outside that all hosts' eth1 are plugged into, and that has the address. */
export async function layExternal(name: string, hosts: number, external: ExternalOptions): Promise<void> {
  const names = namesOf(name);
  const inHost = external.outside === "host";
  const outside = inHost ? undefined : names.outside;
  const br = inHost ? names.externalBridge : "br0";
  if (outside !== undefined) await addNamespace(outside);
  await ip(outside, ...bridge(br), `addr add ${external.address} dev ${br}`);
  if (external.ipv6Address !== undefined) await addIpv6(outside, br, external.ipv6Address);
  for (let number = 1; number <= hosts; number++) {
    const wire = names.externalWire(number);
    await ip(outside, `link add ${wire} type veth peer name eth1 netns ${names.host(number)}`);
    await ip(outside, `link set ${wire} master ${br} addrgenmode none up`);
    await writeChecksums(outside, wire);
    await raise(names.host(number), "eth1", 1_500);
  }
  await writeChecksums(outside, br);
}

/**
 * Where the kernel has no IPv6 there is none. The address by hand of the link itself: without one Linux asks nobody for a neighbour's MAC on
 * behalf of another device's address.
 */
function addIpv6(namespace: string | undefined, device: string, address: string): Promise<void> {
  const addresses = ["fe80::1/64", address];
  return ipForced(namespace, ...addresses.map((one) => `addr add ${one} dev ${device} nodad`));
}

type ExternalOptions = NonNullable<PrivateOvnOptions["external"]>;

async function raise(namespace: string, device: string, mtu: number): Promise<void> {
  await writeChecksums(namespace, device);
  await ip(namespace, `link set ${device} addrgenmode none mtu ${mtu} up`);
}
