// AnalyzePath against real packets: for each situation what it says is what becomes of a packet.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { NetworkObject, Packet } from "../../server/src/backends/network/driver.ts";
import { describeOnOvn, eventually, type Field, type Guest, startField } from "./field.ts";
import { letAllIn, TenantObjects } from "./objects.ts";

/** A host of the outside. */
const faraway = "198.51.100.10";

describeOnOvn("AnalyzePath", () => {
  const acme = new TenantObjects("acme");
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
    acme.group("shy", [
      { name: "web", direction: "egress", protocol: "tcp", ports: { first: 80, last: 80 }, remote: { type: "any" } },
    ]),
    { type: "external-network", id: "external", owner: "", cidr: "203.0.113.0/24", physicalNetwork: "physnet1" },
    {
      ...{
        type: "gateway",
        id: acme.vpcId,
        owner: acme.owner,
        externalNetworkId: "external",
        macAddress: "0a:00:cb:00:71:0a",
      },
      ...{ address: "203.0.113.10/24", nextHop: "203.0.113.1", cidrs: ["10.0.0.0/16"] },
    },
    {
      ...{ type: "route", id: "route-nowhere", owner: acme.owner, vpcId: acme.vpcId, destination: "198.51.100.64/26" },
      target: { type: "drop" },
    },
  ];

  const plugged: readonly (readonly [string, ReturnType<TenantObjects["port"]>, number])[] = [
    ["open", acme.port(1, 10, ["open"]), 0],
    ["web", acme.port(1, 11, ["web"]), 1],
    ["far", acme.port(2, 20, ["web"]), 1],
    ["shy", acme.port(2, 21, ["shy"]), 0],
    ["bare", acme.port(1, 12, []), 0],
    ["theirs", rival.port(1, 30, []), 0],
  ];

  beforeAll(async () => {
    field = await startField();
    const outside = field.lab.outside();
    await outside.run("ip", "addr", "add", `${faraway}/32`, "dev", "lo");
    await field.tenant(acme, 1, 2);
    await field.tenant(rival, 1);
    await field.ensure(...objects);
    for (const [name, port, host] of plugged) guests.set(name, await field.guest(port, { host }));
    await field.ensure({
      ...{ type: "elastic-ip", id: "eip-far", owner: acme.owner, vpcId: acme.vpcId, address: "203.0.113.50" },
      ...{ portId: "port-acme-2-20", portAddress: "10.0.2.20" },
    });
    for (const guest of guests.values()) await Promise.all([80, 81].map((port) => guest.serveTcp(port, "hello")));
  }, 120_000);
  afterAll(() => field?.stop(), 30_000);

  /** Who sends, where to, and whether it arrives; the sentence says why. */
  const cases: readonly (readonly [string, string, Packet["protocol"], number, boolean, RegExp])[] = [
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
    ["theirs", "10.0.1.10", "tcp", 80, false, /^no port of vpc-rival has the address 10.0.1.10$/],
    ["theirs", faraway, "icmp", 0, false, /^vpc-rival has no route to 198.51.100.10$/],
  ];

  const portOf = (name: string) => plugged.find(([one]) => one === name)?.[1].id ?? "";

  async function arrives(name: string, toIp: string, protocol: Packet["protocol"], port: number): Promise<boolean> {
    const guest = guests.get(name);
    if (guest === undefined) throw new Error(`no guest ${name}`);
    if (protocol === "icmp") return guest.pings(toIp);
    return (await guest.connects(toIp, port)) !== undefined;
  }

  test.each(cases)(
    "%s → %s %s %p: %p",
    async (name, toIp, protocol, port, arrival, because) => {
      const packet: Packet = { fromPortId: portOf(name), toIp, protocol, ...(port > 0 && { port }) };
      const reach = await field.lab.driver.reaches(packet, AbortSignal.timeout(20_000));
      expect(reach).toMatchObject({ reached: arrival, because: expect.stringMatching(because) });
      expect(reach.hops[0]).toMatchObject({ type: "port", id: portOf(name) });
      const real = await eventually(
        () => arrives(name, toIp, protocol, port),
        (answer) => answer === arrival,
      );
      expect(real).toBe(arrival);
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
