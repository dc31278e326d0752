// What a guest reads about itself, as the tree of files that programs made for EC2's metadata service expect.

import type { GuestFacts, GuestPort } from "../directory.ts";
import { cloudZone } from "../names/zone.ts";

/** A file, or a folder of them. */
export type Node = string | { readonly [name: string]: Node | undefined };

/** The cloud is one region with one zone; programs cut the last letter off the zone to get the region. */
const region = "photon1";
const zone = `${region}a`;

function fqdnOf({ org, project, port, machine }: GuestFacts): string {
  return `${machine?.name ?? port.name}.${project}.${org}.${cloudZone}`;
}

const lines = (values: readonly string[]) => (values.length === 0 ? undefined : values.join("\n"));
const only = (cidrs: readonly string[], family: 4 | 6) => cidrs.filter((cidr) => cidr.includes(":") === (family === 6));

function interfaceOf(port: GuestPort, index: number, facts: GuestFacts): Node {
  const { publicAddress, ipv6Address, ipAddress, securityGroups: groups } = port;
  const [subnetV4] = only(port.subnetCidrs, 4);
  const [vpcV4] = only(port.vpcCidrs, 4);
  return {
    "device-number": `${index}`,
    "interface-id": port.id,
    ipv6s: ipv6Address,
    "local-hostname": fqdnOf(facts),
    "local-ipv4s": ipAddress,
    mac: port.macAddress,
    "owner-id": `${facts.org}/${facts.project}`,
    "public-ipv4s": publicAddress,
    "security-group-ids": lines(groups.map(({ id }) => id)),
    "security-groups": lines(groups.map(({ name }) => name)),
    "subnet-id": port.subnetId,
    "subnet-ipv4-cidr-block": subnetV4,
    "subnet-ipv6-cidr-blocks": lines(only(port.subnetCidrs, 6)),
    "vpc-id": port.vpcId,
    "vpc-ipv4-cidr-block": vpcV4,
    "vpc-ipv4-cidr-blocks": vpcV4,
    "vpc-ipv6-cidr-blocks": lines(only(port.vpcCidrs, 6)),
  };
}

/** Labels whose names may stand in a path as they are: programs that read the whole tree give up at one that may not. */
function plainLabels(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => /^[\w.:@+-]+$/.test(name)));
}

function metaDataOf(facts: GuestFacts): Node {
  const { port, machine } = facts;
  const ports = machine?.ports ?? [port];
  const main = ports[0] ?? port;
  const keys = (machine?.sshKeys ?? []).map((key, i) => [`${i}=key-${i}`, { "openssh-key": key }] as const);
  const macs = ports.map((one, i) => [one.macAddress, interfaceOf(one, i, facts)] as const);
  return {
    "ami-id": machine?.imageId,
    hostname: fqdnOf(facts),
    "instance-id": machine?.id,
    "instance-type": machine && `${machine.cpu}cpu-${machine.memoryMib}mib`,
    ipv6: main.ipv6Address,
    "local-hostname": fqdnOf(facts),
    "local-ipv4": main.ipAddress,
    mac: main.macAddress,
    network: { interfaces: { macs: Object.fromEntries(macs) } },
    placement: { "availability-zone": zone, region },
    "public-ipv4": main.publicAddress,
    "public-keys": keys.length === 0 ? undefined : Object.fromEntries(keys),
    "security-groups": lines(main.securityGroups.map(({ name }) => name)),
    tags: machine && { instance: { ...plainLabels(machine.labels), Name: machine.name } },
  };
}

function identityOf(facts: GuestFacts): Node | undefined {
  const { machine, org, project } = facts;
  if (machine === undefined) return undefined;
  const document = {
    accountId: `${org}/${project}`,
    architecture: "x86_64",
    availabilityZone: zone,
    imageId: machine.imageId ?? null,
    instanceId: machine.id,
    instanceType: `${machine.cpu}cpu-${machine.memoryMib}mib`,
    pendingTime: new Date(machine.createdAt).toISOString(),
    privateIp: machine.ports[0]?.ipAddress ?? null,
    region,
    version: "2017-09-30",
  };
  return { "instance-identity": { document: `${JSON.stringify(document, undefined, 2)}\n` } };
}

/** Everything that a guest may read below a version: "/latest". */
export function treeOf(facts: GuestFacts): Node {
  return {
    dynamic: identityOf(facts),
    "meta-data": metaDataOf(facts),
    "user-data": facts.machine?.userData,
  };
}

/** The versions that guests' programs ask for, oldest first; all are told the same. */
export const versions = ["1.0", "2009-04-04", "2016-09-02", "2018-09-24", "2019-10-01", "2021-03-23", "latest"];

/** Programs write a MAC's colons in either way. */
function unescaped(part: string): string {
  return part.replaceAll(/%3a/gi, ":").replaceAll("%40", "@");
}

/** A key's folder is listed as "0=key-0" and asked for as "0". */
function nameIn(folder: object, part: string): string | undefined {
  return Object.hasOwn(folder, part) ? part : Object.keys(folder).find((name) => name.startsWith(`${part}=`));
}

/** What a path of the tree holds: a file's text, or a folder's names, folders with a slash. Undefined: there is nothing. */
export function read(tree: Node, path: readonly string[]): string | undefined {
  let node: Node | undefined = tree;
  for (const part of path.filter((text) => text !== "")) {
    if (typeof node !== "object") return undefined;
    const name: string | undefined = nameIn(node, unescaped(part));
    if (name === undefined) return undefined;
    node = node[name];
  }
  if (typeof node !== "object") return node;
  const names = Object.entries(node).filter(([, child]) => child !== undefined);
  return names
    .map(([name, child]) => (typeof child === "object" && !name.includes("=") ? `${name}/` : name))
    .join("\n");
}
