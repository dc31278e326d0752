// OVN's traps (docs/network.md) that concern what we write: each is sprung here, and must not catch us.
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { DriverError } from "../../server/src/backends/driver-error.ts";
import type { FilterRule, NetworkObject } from "../../server/src/backends/network/driver.ts";
import type { ChassisAddress } from "../../server/src/backends/network/ovn/chassis/chassis.ts";
import { describeOnOvn, expectAll, type Field, type Guest, startField } from "./field.ts";
import { nbctl } from "./look.ts";
import { letAllIn, TenantObjects } from "./objects.ts";

/** What a host's ovn-controller says when it can't read what it was given. */
async function complaintsOf({ controllerLog }: ChassisAddress): Promise<string[]> {
  return (
    (await readFile(controllerLog, "utf8")).match(/^.*\|WARN\|.*(parsing|error|invalid|unknown option).*$/gim) ?? []
  );
}

describeOnOvn("traps of OVN", () => {
  const acme = new TenantObjects("acme");
  let field: Field;
  /** On host 0, and on host 1 in the group "victim", whose rules each test sets. */
  let guest: Guest;
  let victim: Guest;
  const address = "10.0.1.11";
  const let1 = (...rules: readonly FilterRule[]) => field.ensure(acme.router(), acme.group("victim", rules));
  const refused = (object: NetworkObject) =>
    expect(field.ensure(object)).rejects.toEqual(expect.objectContaining({ reason: "refused" }));

  beforeAll(async () => {
    field = await startField();
    await field.tenant(acme, 1);
    await field.ensure(acme.group("guest", [letAllIn]), acme.group("victim", []));
    guest = await field.guest(acme.port(1, 10, ["guest"]));
    victim = await field.guest(acme.port(1, 11, ["victim"]), { host: 1 });
    await victim.serveUdp(7777);
    await victim.serveUdp(53);
    await victim.serveTcp(80, "victim");
  }, 60_000);
  /** Whatever was tried: no host has met a match or an option that it could not read. */
  afterAll(async () => {
    const complaints = await Promise.all(field.lab.ovn.hosts.map(complaintsOf));
    await field.stop();
    expect(complaints.flat()).toEqual([]);
  }, 30_000);

  test("T2: UDP from source port 53 does not get past a security group", async () => {
    await let1();
    await expectAll(
      [guest.echoes(address, 7777, { fromPort: 53 }), false],
      [guest.echoes(address, 53), false],
      [guest.echoes("fd00:10:0:1::11", 7777), false],
    );
    await let1(letAllIn);
    expect(await guest.echoes(address, 7777, { fromPort: 53 })).toBe(true);
  });

  test("T2, T3, T4: there are no DNS rows and no load balancers", async () => {
    for (const table of ["DNS", "Load_Balancer", "Load_Balancer_Group"])
      expect({ table, rows: await nbctl(field, "--bare", "--columns=_uuid", "list", table) }).toEqual({
        table,
        rows: "",
      });
  });

  test("T5: small datagrams pass a rule that names their port", async () => {
    await let1({ ...letAllIn, protocol: "udp", ports: { first: 7777, last: 7777 } });
    for (const bytes of [1, 500, 1400]) expect(await guest.echoes(address, 7777, { bytes })).toBe(true);
  });

  test("T6: TCP passes, also with more than a packet's worth", async () => {
    await let1(letAllIn);
    expect(await guest.connects(address, 80)).toBe("victim");
    const megabyte = "head -c 1000000 /dev/zero | timeout 8 busybox nc 10.0.1.11 80 | head -c 1000006 | wc -c";
    expect((await guest.run("sh", "-c", megabyte)).stdout.trim()).toBe("1000006");
  });

  test.each(['web"1', "web 1", "a=b", "}", "-web", "wéb", "a".repeat(64), "web\n1"])(
    "T7: the hostname %j is refused, and nobody loses DHCP",
    async (hostname) => {
      await refused(acme.port(1, 20, ["guest"], { hostname }));
      const other = await field.guest(acme.port(1, 21, ["guest"]), { addresses: "none" });
      expect(await other.dhcp()).toMatchObject({ ip: "10.0.1.21", hostname: "vm-1-21" });
      await other.remove();
    },
  );

  test.each(['x", router=10.0.0.9, y="', "a..b", "a b", ""])("T7: the domain %j is refused", async (domain) => {
    const dhcp = acme.subnet(1, { domain }).find(({ type }) => type === "dhcp");
    if (dhcp !== undefined) await refused(dhcp);
    const other = await field.guest(acme.port(1, 22, ["guest"]), { addresses: "none" });
    expect(await other.dhcp()).toMatchObject({ domain: "main.test.cloud.internal" });
    await other.remove();
  });

  test("T7: a hostname that looks like a number or an option is told as it is", async () => {
    for (const hostname of ["10", "true", "mtu", "0x10", "1-2-3"]) {
      const port = acme.port(1, 23, ["guest"], { hostname });
      const other = await field.guest(port, { addresses: "none" });
      expect(await other.dhcp()).toMatchObject({ ip: "10.0.1.23", hostname });
      await other.remove();
    }
  });

  test.each([
    ["0.0.0.0/0 || ip"],
    ["10.0.0.0/8} || {0.0.0.0/0"],
    ["$pg_0"],
    ["10.0.0.0/33"],
    ["fe80::%eth0/64"],
    ["0.0.0.0"],
  ])("T8: a rule for %j is refused, and the rules before it hold", async (cidr) => {
    await let1({ ...letAllIn, protocol: "icmp" });
    await refused(acme.group("victim", [{ ...letAllIn, remote: { type: "cidr", cidr } }]));
    await expectAll([guest.pings(address), true], [guest.connects(address, 80), undefined]);
  });

  test("T8: a rule for ports that are none is refused", async () => {
    for (const ports of [
      { first: 80.5, last: 81 },
      { first: -1, last: 80 },
      { first: 80, last: 70_000 },
      { first: 81, last: 80 },
    ])
      await refused(acme.group("victim", [{ ...letAllIn, protocol: "tcp", ports }]));
  });

  test("T8: a network with host bits is read as the network that it is in", async () => {
    await let1({ ...letAllIn, remote: { type: "cidr", cidr: "10.0.1.77/24" } });
    expect(await guest.pings(address)).toBe(true);
  });

  test("T8: a group and an address group that are not there let in nobody, and the other rules hold", async () => {
    await let1(
      { ...letAllIn, name: "a", remote: { type: "group", securityGroupId: "sg-nowhere" } },
      { ...letAllIn, name: "b", remote: { type: "addresses", addressGroupId: "ag-nowhere" } },
      { ...letAllIn, name: "c", protocol: "icmp" },
    );
    await expectAll(
      [guest.pings(address), true],
      [guest.connects(address, 80), undefined],
      [guest.echoes(address, 7777), false],
    );
  });

  test("T8: a group that goes while a rule names it lets in nobody, and comes back", async () => {
    const friends = { type: "filter", id: acme.groupId("friends") } as const;
    await field.ensure(acme.group("friends", []), acme.port(1, 10, ["guest", "friends"]));
    await let1({ ...letAllIn, remote: { type: "group", securityGroupId: friends.id } });
    expect(await guest.connects(address, 80)).toBe("victim");
    await field.ensure(acme.port(1, 10, ["guest"]));
    await field.remove(acme.vpcId, friends);
    expect(await guest.connects(address, 80)).toBeUndefined();
    await field.ensure(acme.group("friends", []), acme.port(1, 10, ["guest", "friends"]));
    expect(await guest.connects(address, 80)).toBe("victim");
    await field.ensure(acme.port(1, 10, ["guest"]));
  });

  test("what is refused is a DriverError that names the value", async () => {
    const wrong = acme.group("victim", [{ ...letAllIn, remote: { type: "cidr", cidr: "all of it" } }]);
    await expect(field.ensure(wrong)).rejects.toEqual(new DriverError("refused", '"all of it" is no network'));
  });
});
