// AnalyzePath against real packets: for each situation what it says is what becomes of a packet.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { NetworkObject, Packet } from "../../server/src/backends/network/driver.ts";
import { describeOnOvn, eventually, type Field, type Guest, startField } from "./field.ts";
import { externalNetwork, letAllIn, TenantObjects } from "./objects.ts";

/** A host of the outside. */
const [faraway, faraway6] = ["198.51.100.10", "2001:db8:ffff::10"];
const nextHop6 = "2001:db8:113::1";
/** What is behind a guest that forwards. */
const office = "192.168.7.1";

describeOnOvn("AnalyzePath", () => {
  const acme = new TenantObjects("acme");
  /** Another VPC of the same project, peered with the first. */
  const branch = new TenantObjects("branch", acme.owner, 9);
  const rival = new TenantObjects("rival");
  let field: Field;
  const guests = new Map<string, Guest>();

  const objects: readonly NetworkObject[] = [
    acme.group("open", [letAllIn]),
    acme.group("web", [
      { name: "http", direction: "ingress", protocol: "tcp", ports: { first: 80, last: 80 }, remote: { type: "any" } },
      {
        name: "ping",
        direction: "ingress",
        protocol: "icmp",
        remote: { type: "group", securityGroupId: "sg-acme-open" },
      },
    ]),
    { type: "addresses", id: "ag-partners", owner: acme.owner, cidrs: ["10.0.2.0/24", "fd00:10:0:2::/64"] },
    acme.group("listed", [
      {
        name: "partners",
        direction: "ingress",
        protocol: "tcp",
        ports: { first: 81, last: 81 },
        remote: { type: "addresses", addressGroupId: "ag-partners" },
      },
      { ...letAllIn, name: "dns", protocol: "udp", ports: { first: 53, last: 53 } },
    ]),
    acme.group("shy", [
      { name: "web", direction: "egress", protocol: "tcp", ports: { first: 80, last: 80 }, remote: { type: "any" } },
    ]),
    externalNetwork,
    acme.gateway({ cidrs: acme.cidrs, ipv6: { address: "2001:db8:113::10/64", nextHop: nextHop6 } }),
    {
      type: "route",
      id: "route-nowhere",
      owner: acme.owner,
      vpcId: acme.vpcId,
      destination: "198.51.100.64/26",
      target: { type: "drop" },
    },
    peeringOf(acme, branch, "169.254.0.1/30", "169.254.0.2"),
    peeringOf(branch, acme, "169.254.0.2/30", "169.254.0.1"),
  ];

  const plugged: readonly (readonly [string, ReturnType<TenantObjects["port"]>, number])[] = [
    ["open", acme.port(1, 10, ["open"]), 0],
    ["web", acme.port(1, 11, ["web"]), 1],
    ["far", acme.port(2, 20, ["web"]), 1],
    ["shy", acme.port(2, 21, ["shy"]), 0],
    ["bare", acme.port(1, 12, []), 0],
    ["listed", acme.port(1, 13, ["listed"]), 1],
    ["forwarder", acme.port(2, 22, ["open"], { forwarding: true }), 1],
    ["branch", branch.port(1, 10, [], { securityGroupIds: [acme.groupId("open")] }), 1],
    ["theirs", rival.port(1, 30, []), 0],
  ];

  beforeAll(async () => {
    field = await startField();
    const outside = field.lab.outside();
    for (const address of [`${faraway}/32`, `${faraway6}/128`])
      await outside.run("ip", "addr", "add", address, "dev", "lo");
    // One by hand on the link, too: Linux asks nobody for a neighbour's MAC on behalf of another device's address.
    for (const address of [`${nextHop6}/64`, "fe80::1/64"])
      await outside.run("ip", "addr", "add", address, "dev", "br0", "nodad");
    await field.tenant(acme, 1, 2);
    await field.tenant(branch, 1);
    await field.tenant(rival, 1);
    await field.ensure(...objects);
    for (const [name, port, host] of plugged) guests.set(name, await field.guest(port, { host }));
    const elastic = { type: "elastic-ip", owner: acme.owner, vpcId: acme.vpcId, portId: "port-acme-2-20" } as const;
    await field.ensure(
      { ...elastic, id: "eip-far", address: "203.0.113.50", portAddress: "10.0.2.20" },
      { ...elastic, id: "eip6-far", address: "2001:db8:113::50", portAddress: "fd00:10:0:2::20" },
      {
        type: "route",
        id: "route-office",
        owner: acme.owner,
        vpcId: acme.vpcId,
        destination: "192.168.7.0/24",
        target: { type: "address", address: "10.0.2.22", portId: "port-acme-2-22", subnetId: acme.subnetId(2) },
      },
    );
    await guests.get("forwarder")?.run("ip", "addr", "add", `${office}/32`, "dev", "lo");
    for (const guest of guests.values()) {
      await Promise.all([80, 81].map((port) => guest.serveTcp(port, "hello")));
      await guest.serveUdp(53);
    }
  }, 120_000);
  afterAll(() => field?.stop(), 30_000);

  /** Who sends, where to, and whether it arrives; the sentence says why. */
  type Case = readonly [string, string, Packet["protocol"], number, boolean, RegExp];
  const cases: readonly Case[] = [
    ["open", "10.0.1.11", "tcp", 80, true, /^rule http of sg-acme-web allows it$/],
    ["open", "10.0.1.11", "tcp", 81, false, /^no ingress rule of port-acme-1-11 allows it$/],
    ["open", "10.0.1.11", "icmp", 0, true, /^rule ping of sg-acme-web allows it$/],
    ["bare", "10.0.1.11", "icmp", 0, false, /^no ingress rule of port-acme-1-11 allows it$/],
    ["open", "10.0.2.20", "tcp", 80, true, /^rule http of sg-acme-web allows it$/],
    ["open", "10.0.2.20", "tcp", 81, false, /^no ingress rule of port-acme-2-20 allows it$/],
    ["open", "fd00:10:0:2::20", "tcp", 80, true, /^rule http of sg-acme-web allows it$/],
    ["open", "fd00:10:0:1::11", "tcp", 81, false, /^no ingress rule of port-acme-1-11 allows it$/],
    ["shy", "10.0.1.10", "tcp", 80, true, /^rule all of sg-acme-open allows it$/],
    ["shy", "10.0.1.10", "tcp", 81, false, /^no egress rule of port-acme-2-21 allows it$/],
    ["open", "10.0.1.12", "tcp", 80, false, /^no ingress rule of port-acme-1-12 allows it$/],
    ["open", "10.0.1.99", "icmp", 0, false, /^no port of vpc-acme has the address 10.0.1.99$/],
    ["open", "10.0.2.99", "icmp", 0, false, /^no port of vpc-acme has the address 10.0.2.99$/],
    ["open", "10.0.1.1", "icmp", 0, true, /^the router of vpc-acme answers it$/],
    ["open", faraway, "icmp", 0, true, /^it leaves the cloud by its VPC's gateway$/],
    ["far", faraway, "icmp", 0, true, /^it leaves the cloud by its VPC's gateway$/],
    ["open", "198.51.100.70", "icmp", 0, false, /^route route-nowhere drops it$/],
    ["open", "203.0.113.50", "tcp", 80, true, /^rule http of sg-acme-web allows it$/],
    ["open", faraway6, "icmp", 0, true, /^it leaves the cloud by its VPC's gateway$/],
    ["far", faraway6, "icmp", 0, true, /^it leaves the cloud by its VPC's gateway$/],
    ["open", "2001:db8:113::50", "tcp", 80, true, /^rule http of sg-acme-web allows it$/],
    ["open", "2001:db8:113::50", "tcp", 81, false, /^no ingress rule of port-acme-2-20 allows it$/],
    ["open", office, "icmp", 0, true, /^rule all of sg-acme-open allows it$/],
    ["far", "10.0.1.13", "tcp", 81, true, /^rule partners of sg-acme-listed allows it$/],
    ["far", "fd00:10:0:1::13", "tcp", 81, true, /^rule partners of sg-acme-listed allows it$/],
    ["open", "10.0.1.13", "tcp", 81, false, /^no ingress rule of port-acme-1-13 allows it$/],
    ["open", "fd00:10:0:1::13", "tcp", 81, false, /^no ingress rule of port-acme-1-13 allows it$/],
    ["open", "10.0.1.13", "udp", 53, true, /^rule dns of sg-acme-listed allows it$/],
    ["open", "10.0.1.11", "udp", 53, false, /^no ingress rule of port-acme-1-11 allows it$/],
    ["open", "10.9.1.10", "tcp", 80, true, /^rule all of sg-acme-open allows it$/],
    ["open", "fd00:19:0:1::10", "tcp", 80, true, /^rule all of sg-acme-open allows it$/],
    ["branch", "10.0.1.11", "tcp", 80, true, /^rule http of sg-acme-web allows it$/],
    ["branch", "10.0.1.11", "icmp", 0, true, /^rule ping of sg-acme-web allows it$/],
    ["branch", "fd00:10:0:2::20", "tcp", 81, false, /^no ingress rule of port-acme-2-20 allows it$/],
    ["branch", faraway, "icmp", 0, false, /^vpc-branch has no route to 198.51.100.10$/],
    ["theirs", "10.0.1.10", "tcp", 80, false, /^no port of vpc-rival has the address 10.0.1.10$/],
    ["theirs", faraway, "icmp", 0, false, /^vpc-rival has no route to 198.51.100.10$/],
  ];

  const portOf = (name: string) => plugged.find(([one]) => one === name)?.[1].id ?? "";

  async function arrives(name: string, toIp: string, protocol: Packet["protocol"], port: number): Promise<boolean> {
    const guest = guests.get(name);
    if (guest === undefined) throw new Error(`no guest ${name}`);
    if (protocol === "icmp") return guest.pings(toIp);
    return protocol === "udp" ? guest.echoes(toIp, port) : (await guest.connects(toIp, port)) !== undefined;
  }

  /** What gets nowhere takes seconds to find that out, so all of it is tried at once, when the first is asked for. */
  const strays = new Map<string, Promise<boolean>>();
  function strayArrives(...[name, toIp, protocol, port]: Parameters<typeof arrives>): Promise<boolean> {
    if (strays.size === 0)
      for (const [from, to, by, at, arrival] of cases) {
        if (arrival) continue;
        const tried = arrives(from, to, by, at);
        tried.catch(() => {});
        strays.set(`${from} ${to} ${by} ${at}`, tried);
      }
    return strays.get(`${name} ${toIp} ${protocol} ${port}`) ?? arrives(name, toIp, protocol, port);
  }

  test.each(cases)(
    "%s → %s %s %p: %p",
    async (name, toIp, protocol, port, arrival, because) => {
      const packet: Packet = { fromPortId: portOf(name), toIp, protocol, ...(port > 0 && { port }) };
      const reach = await field.lab.driver.reaches(packet, AbortSignal.timeout(20_000));
      expect(reach).toMatchObject({ reached: arrival, because: expect.stringMatching(because) });
      expect(reach.hops[0]).toMatchObject({ type: "port", id: portOf(name) });
      const real = arrival
        ? eventually(
            () => arrives(name, toIp, protocol, port),
            (answer) => answer,
          )
        : strayArrives(name, toIp, protocol, port);
      expect(await real).toBe(arrival);
    },
    30_000,
  );

  test("tells of ports that nothing is plugged into", async () => {
    await field.ensure(acme.port(1, 40, ["web"]), acme.port(1, 41, ["open"]));
    const packet: Packet = { fromPortId: "port-acme-1-41", toIp: "10.0.1.40", protocol: "tcp", port: 80 };
    const reach = await field.lab.driver.reaches(packet, AbortSignal.timeout(20_000));
    expect(reach).toMatchObject({ reached: true, because: "rule http of sg-acme-web allows it" });
  });
});

function peeringOf(
  own: TenantObjects,
  peer: TenantObjects,
  linkAddress: string,
  peerLinkAddress: string,
): NetworkObject {
  const sides = { vpcId: own.vpcId, peerVpcId: peer.vpcId, peerOwner: peer.owner, peerCidrs: peer.cidrs };
  return { type: "peering", id: `peering-${own.tag}`, owner: own.owner, ...sides, linkAddress, peerLinkAddress };
}
