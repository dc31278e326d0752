// The platform's network scenario, against a real server over HTTP. Who sends the packets, its caller says.
import { expect } from "@jest/globals";
import type { TestCloud } from "@photoncloud/server/testing";
import { Hands, type Json, type KindName, kindNames } from "./calls.ts";

/** A VPC with a subnet, an open security group, two ports and a VM; the same in every tenant but for the ids. */
async function build(hands: Hands) {
  const vpc = await hands.create("Vpc", { name: "main-vpc", cidr: "10.0.0.0/16" });
  const subnet = await hands.create("Subnet", { vpc_id: vpc.id, name: "web-subnet", cidr: "10.0.1.0/24" });
  const open = { all: { direction: "DIRECTION_INGRESS" } };
  const group = await hands.create("SecurityGroup", { name: "open", rules: open });
  const portAt = (name: string, ip_address: string) =>
    hands.create("Port", { subnet_id: subnet.id, name, ip_address, security_group_ids: [group.id] });
  const [port, peer] = [await portAt("port", "10.0.1.10"), await portAt("peer", "10.0.1.11")];
  const vm = await hands.create("Vm", { name: "web", spec: { network: [{ id: "eth0", port_id: port.id }] } });
  await hands.ready("Vm", vm.id);
  await hands.ready("Port", peer.id);
  const ids = { Vpc: vpc.id, Subnet: subnet.id, SecurityGroup: group.id, Port: port.id, Vm: vm.id };
  return { ids, port, peer };
}

/** Every way to touch a resource by its id. */
function touches(kind: KindName, id: string): readonly (readonly [string, Json])[] {
  const field = { Vpc: "vpc", Subnet: "subnet", SecurityGroup: "security_group", Port: "port", Vm: "vm" }[kind];
  const own = {
    Vpc: [],
    Subnet: [],
    SecurityGroup: [
      ["AddRule", { id, name: "hole", rule: { direction: "DIRECTION_INGRESS" } }],
      ["RemoveRule", { id, name: "all" }],
    ],
    Port: [
      ["AttachDevice", { id, device_id: "mine", device_type: "DEVICE_TYPE_OTHER" }],
      ["DetachDevice", { id }],
    ],
    Vm: [
      ["StartVm", { id }],
      ["StopVm", { id }],
    ],
  } as const;
  const update = { id, [field]: { labels: { stolen: "yes" } }, update_mask: "labels" };
  return [[`Get${kind}`, { id }], [`Update${kind}`, update], [`Delete${kind}`, { id }], ...own[kind]];
}

type Ids = Readonly<Record<KindName, string>>;

function entriesOf(ids: Ids): readonly (readonly [KindName, string])[] {
  return kindNames.map((kind) => [kind, ids[kind]]);
}

function readAll(hands: Hands, ids: Ids): Promise<readonly Json[]> {
  return Promise.all(entriesOf(ids).map(([kind, id]) => hands.get(kind, id)));
}

/** How a scenario sends packets: by a driver's own reckoning, or for real. */
export interface Packets {
  /** Gives a tenant's two ports somebody to send from and to answer. */
  seat(port: Json, peer: Json): Promise<void>;
  /** Whether a TCP connection from a port to 10.0.1.11 ends at this peer. */
  reaches(port: Json, peer: Json): Promise<boolean>;
}

/** Two orgs with the same CIDR never meet, neither by calls nor by packets. */
export async function tenantsNeverMeet(cloud: TestCloud, packets: Packets): Promise<void> {
  const alice = new Hands(cloud.url, await cloud.tenant("acme-corp", "project-alpha"));
  const mallory = new Hands(cloud.url, await cloud.tenant("rival-corp", "project-alpha"));
  const [ours, theirs] = [await build(alice), await build(mallory)];
  const before = await readAll(alice, ours.ids);

  // Our ids are worth nothing to them: the answer is the one for an id that never was.
  for (const [kind, id] of entriesOf(ours.ids))
    for (const [method, body] of touches(kind, id)) {
      const [foreign, unknown] = [
        await mallory.call(kind, method, body),
        await mallory.call(kind, method, { ...body, id: `${id.slice(0, -4)}0000` }),
      ];
      expect({ method, status: foreign.status }).toEqual({ method, status: 404 });
      const same = (answer: typeof foreign) => String(answer.body.message).replace(/"[^"]*"/g, "…");
      expect(same(foreign)).toBe(same(unknown));
      // Naming our org does not help either.
      const named = await mallory.call(kind, method, { ...body, org_id: "acme-corp" });
      expect({ method, ...named }).toMatchObject({ method, status: 403, body: { code: "permission_denied" } });
    }

  // Nor can they build on what is ours.
  const { Vpc, Subnet, SecurityGroup, Port } = ours.ids;
  const builds: [KindName, Json][] = [
    ["Subnet", { name: "in", vpc_id: Vpc }],
    ["Port", { name: "in", subnet_id: Subnet }],
    ["Port", { name: "in", subnet_id: theirs.ids.Subnet, security_group_ids: [SecurityGroup] }],
    ["SecurityGroup", { name: "in", rules: { x: { direction: "DIRECTION_INGRESS", remote_group_id: SecurityGroup } } }],
    ["Vm", { name: "in", spec: { network: [{ id: "eth0", port_id: Port }] } }],
  ];
  for (const [kind, body] of builds)
    expect({ kind, ...(await mallory.call(kind, `Create${kind}`, body)) }).toMatchObject({ kind, status: 400 });

  // Lists show each their own.
  const { vpcs } = await mallory.must("Vpc", "ListVpcs");
  expect(vpcs).toMatchObject([{ id: theirs.ids.Vpc }]);
  expect(vpcs).toHaveLength(1);

  // Nothing of ours has changed.
  const after = await readAll(alice, ours.ids);
  expect(after).toEqual(before);

  // Packets: the same addresses on both sides, each reaches its own peer alone.
  for (const { port, peer } of [ours, theirs]) await packets.seat(port, peer);
  const reached = () => Promise.all([ours, theirs].map(({ port, peer }) => packets.reaches(port, peer)));
  expect(await reached()).toEqual([true, true]);
  await alice.remove("Port", ours.peer.id);
  // The hosts take a moment to forget a port.
  const deadline = AbortSignal.timeout(10_000);
  while ((await packets.reaches(ours.port, ours.peer)) && !deadline.aborted);
  expect(await reached()).toEqual([false, true]);
}
