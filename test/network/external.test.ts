// The outside, by packets: what a VPC's gateway and elastic IPs let through, under which address, and what becomes of connections when they move.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ElasticIpSpec, GatewaySpec, NetworkObject } from "../../server/src/backends/network/driver.ts";
import { describeOnOvn, eventually, type Field, type Guest, startField } from "./field.ts";
import { letAllIn, TenantObjects } from "./objects.ts";
import { packetsOf, saying } from "./packets.ts";
import { openTalk } from "./talk.ts";

/** The router out there, and the far end of the world behind it. */
const [nextHop, faraway] = ["203.0.113.1", "198.51.100.10"];
const [nextHop6, faraway6] = ["2001:db8:113::1", "2001:db8:ffff::10"];

const external: NetworkObject = {
  type: "external-network",
  id: "external",
  owner: "",
  cidr: "203.0.113.0/24",
  physicalNetwork: "physnet1",
};

const gatewayOf = ({ vpcId, owner }: TenantObjects, n: number): GatewaySpec => ({
  type: "gateway",
  id: vpcId,
  owner,
  externalNetworkId: "external",
  macAddress: `0a:00:cb:00:71:0${n.toString(16)}`,
  address: `203.0.113.${n}/24`,
  nextHop,
  cidrs: ["10.0.0.0/16", "fd00:10::/48"],
  ipv6: { address: `2001:db8:113::${n}/64`, nextHop: nextHop6 },
});

const elasticIp = ({ tag, vpcId, owner }: TenantObjects, n: number, k: number): ElasticIpSpec => ({
  type: "elastic-ip",
  id: `eip-${tag}-${n}`,
  owner,
  vpcId,
  address: `203.0.113.${n}`,
  portId: `port-${tag}-1-${k}`,
  portAddress: `10.0.1.${k}`,
});

const elasticIpv6 = (tenant: TenantObjects, n: number, k: number): ElasticIpSpec => ({
  ...elasticIp(tenant, n, k),
  id: `eip6-${tenant.tag}-${n}`,
  address: `2001:db8:113::${n}`,
  portAddress: `fd00:10:0:1::${k}`,
});

describeOnOvn("the outside", () => {
  const acme = new TenantObjects("acme");
  const rival = new TenantObjects("rival");
  const closed = new TenantObjects("closed");
  let field: Field;
  let outside: Guest;
  const guests = new Map<string, Guest>();
  const guest = (name: string): Guest => {
    const found = guests.get(name);
    if (found === undefined) throw new Error(`there is no guest ${name}`);
    return found;
  };
  const seat = async (name: string, tenant: TenantObjects, k: number, host: number, groups = ["open"]) => {
    const made = await field.guest(tenant.port(1, k, groups), { host });
    await made.serveTcp(80, `${name} sees {source}`);
    guests.set(name, made);
  };

  beforeAll(async () => {
    field = await startField();
    outside = field.lab.outside();
    await outside.run("ip", "addr", "add", `${faraway}/32`, "dev", "lo");
    await outside.run("ip", "addr", "add", `${nextHop6}/64`, "dev", "br0", "nodad");
    // Without one Linux asks nobody for a neighbour's MAC on behalf of another device's address.
    await outside.run("ip", "addr", "add", "fe80::1/64", "dev", "br0", "nodad");
    await outside.run("ip", "addr", "add", `${faraway6}/128`, "dev", "lo");
    await outside.serveTcp(80, "outside sees {source}");
    for (const tenant of [acme, rival, closed]) {
      await field.tenant(tenant, 1);
      await field.ensure(tenant.group("open", [letAllIn]), tenant.group("shut", []));
    }
    await field.ensure(external, gatewayOf(acme, 10), gatewayOf(rival, 11));
    await seat("one", acme, 11, 0);
    await seat("two", acme, 12, 1);
    await seat("shut", acme, 13, 1, ["shut"]);
    await seat("theirs", rival, 11, 1);
    await seat("alone", closed, 11, 0);
  }, 90_000);
  afterAll(() => field?.stop(), 30_000);

  /** Resolves when the first packets have found their way: the outside learns where an address is by asking. */
  const settled = (from: Guest, address: string, expected: string) =>
    eventually(
      () => from.connects(address, 80),
      (greeting) => greeting === expected,
    );

  test("sees each VPC by its own egress address, from both hosts, though their guests have the same", async () => {
    expect(await settled(guest("one"), faraway, "outside sees 203.0.113.10")).toBe("outside sees 203.0.113.10");
    expect(await guest("two").connects(faraway, 80)).toBe("outside sees 203.0.113.10");
    expect(await settled(guest("theirs"), nextHop, "outside sees 203.0.113.11")).toBe("outside sees 203.0.113.11");
    expect(await guest("theirs").connects(faraway, 80)).toBe("outside sees 203.0.113.11");
    expect(await guest("one").pings(faraway)).toBe(true);
  });

  test("is not reached by a VPC without a gateway, and reaches nobody by an egress address", async () => {
    expect(await guest("alone").connects(faraway, 80)).toBeUndefined();
    expect(await guest("alone").pings(nextHop)).toBe(false);
    expect(await outside.connects("203.0.113.10", 80)).toBeUndefined();
    expect(await outside.connects("10.0.1.11", 80)).toBeUndefined();
  });

  test("reaches a port by its elastic IP, and sees it by that, as far as the port's groups let it", async () => {
    const [open, shut] = [elasticIp(acme, 20, 12), elasticIp(acme, 21, 13)];
    await field.ensure(open, shut);
    expect(await settled(outside, open.address, `two sees ${nextHop}`)).toBe(`two sees ${nextHop}`);
    expect(await settled(guest("two"), faraway, "outside sees 203.0.113.20")).toBe("outside sees 203.0.113.20");
    expect(await guest("one").connects(faraway, 80)).toBe("outside sees 203.0.113.10");
    expect(await settled(guest("shut"), faraway, "outside sees 203.0.113.21")).toBe("outside sees 203.0.113.21");
    expect(await outside.connects(shut.address, 80)).toBeUndefined();
    await field.remove(acme.vpcId, open, shut);
    expect(await outside.connects(open.address, 80)).toBeUndefined();
    expect(await settled(guest("two"), faraway, "outside sees 203.0.113.10")).toBe("outside sees 203.0.113.10");
  });

  test("sees each VPC by its own IPv6 egress address, though their guests have the same", async () => {
    expect(await settled(guest("one"), faraway6, "outside sees 2001:db8:113::10")).toBe(
      "outside sees 2001:db8:113::10",
    );
    expect(await guest("two").connects(faraway6, 80)).toBe("outside sees 2001:db8:113::10");
    expect(await settled(guest("theirs"), nextHop6, "outside sees 2001:db8:113::11")).toBe(
      "outside sees 2001:db8:113::11",
    );
    expect(await guest("one").pings(faraway6)).toBe(true);
    expect(await guest("alone").connects(faraway6, 80)).toBeUndefined();
    expect(await outside.connects("2001:db8:113::10", 80)).toBeUndefined();
    await outside.run("ip", "route", "replace", "fd00:10::/48", "via", "2001:db8:113::10");
    expect(await outside.connects("fd00:10:0:1::11", 80)).toBeUndefined();
    await outside.run("ip", "route", "del", "fd00:10::/48");
  });

  test("reaches a port by its IPv6 elastic IP as far as its groups let it, and the address moves on without leaking", async () => {
    const [open, shut] = [elasticIpv6(acme, 20, 12), elasticIpv6(acme, 21, 13)];
    await field.ensure(open, shut);
    expect(await settled(outside, open.address, `two sees ${nextHop6}`)).toBe(`two sees ${nextHop6}`);
    expect(await settled(guest("two"), faraway6, `outside sees ${open.address}`)).toBe(`outside sees ${open.address}`);
    expect(await settled(guest("shut"), faraway6, `outside sees ${shut.address}`)).toBe(`outside sees ${shut.address}`);
    expect(await outside.connects(shut.address, 80)).toBeUndefined();
    expect(await guest("two").connects(faraway, 80)).toBe("outside sees 203.0.113.10");
    const talk = await openTalk(outside, open.address, 80);
    await field.ensure({ ...open, portId: "port-acme-1-11", portAddress: "fd00:10:0:1::11" });
    expect(await settled(outside, open.address, `one sees ${nextHop6}`)).toBe(`one sees ${nextHop6}`);
    // A session that was open goes by the datapath's cache until that is looked through again.
    const strayed = () => packetsOf(guest("two"), `src ${nextHop6} and tcp`, 1_000);
    expect(await eventually(strayed, (packets) => packets === 0)).toBe(0);
    await talk.end();
    await field.remove(acme.vpcId, open, shut);
    expect(await settled(guest("two"), faraway6, "outside sees 2001:db8:113::10")).toBe(
      "outside sees 2001:db8:113::10",
    );
  });

  test("follows a route to the gateway of either family", async () => {
    const route = (id: string, destination: string, type: "gateway" | "drop"): NetworkObject => ({
      type: "route",
      id: `route-${id}`,
      owner: acme.owner,
      vpcId: acme.vpcId,
      destination,
      target: { type },
    });
    const [hole, way] = [route("hole", "2001:db8:ffff::/48", "drop"), route("way", `${faraway6}/128`, "gateway")];
    await field.ensure(hole);
    expect(await guest("one").connects(faraway6, 80)).toBeUndefined();
    await field.ensure(way);
    const seen = "outside sees 2001:db8:113::10";
    expect(await settled(guest("one"), faraway6, seen)).toBe(seen);
    await field.remove(acme.vpcId, way, hole);
  });

  test("is not needed between elastic IPs: the own VPC's and another's are reached by theirs", async () => {
    const [ours, own, theirs] = [elasticIp(acme, 22, 11), elasticIp(acme, 23, 12), elasticIp(rival, 24, 11)];
    await field.ensure(ours, own, theirs);
    expect(await settled(guest("one"), theirs.address, "theirs sees 203.0.113.22")).toBe("theirs sees 203.0.113.22");
    expect(await settled(guest("theirs"), ours.address, "one sees 203.0.113.24")).toBe("one sees 203.0.113.24");
    expect(await settled(guest("one"), own.address, "two sees 203.0.113.22")).toBe("two sees 203.0.113.22");
    await field.remove(acme.vpcId, ours, own);
    await field.remove(rival.vpcId, theirs);
  });

  test("ends what it says to a port when the port's elastic IP moves on, both ways, and the next one speaks to the new port", async () => {
    const ip = elasticIp(acme, 25, 11);
    await field.ensure(ip);
    expect(await settled(outside, ip.address, `one sees ${nextHop}`)).toBe(`one sees ${nextHop}`);
    expect(await settled(guest("one"), faraway, "outside sees 203.0.113.25")).toBe("outside sees 203.0.113.25");
    const [inwards, outwards] = [await openTalk(outside, ip.address, 80), await openTalk(guest("one"), faraway, 80)];
    const seen = () => packetsOf(guest("one"), `src ${nextHop} and ${saying}`, 1_000);
    expect(await seen()).toBeGreaterThan(20);
    await field.ensure({ ...ip, portId: "port-acme-1-12", portAddress: "10.0.1.12" });
    expect(await settled(outside, ip.address, `two sees ${nextHop}`)).toBe(`two sees ${nextHop}`);
    // Neither does the old port hear of what was said to the address, nor is what it says heard under it.
    const heard = packetsOf(outside, `src ${ip.address} and ${saying}`, 1_000);
    expect([await seen(), await heard]).toEqual([0, 0]);
    for (const talk of [inwards, outwards]) {
      const { sent, answered } = await talk.end();
      expect(answered).toBeGreaterThan(0);
      // A line every 5 ms, or as often as a busy machine comes to it, was lost for a second at least.
      expect(sent - answered).toBeGreaterThan(20);
    }
    expect(await settled(guest("two"), faraway, "outside sees 203.0.113.25")).toBe("outside sees 203.0.113.25");
    expect(await settled(guest("one"), faraway, "outside sees 203.0.113.10")).toBe("outside sees 203.0.113.10");
    await field.remove(acme.vpcId, ip);
  });
});
