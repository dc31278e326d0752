// Security groups, by packets: what gets in and out, and what a change of rules does to connections that are open.
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { FilterRule } from "../../server/src/backends/network/driver.ts";
import { openDatabase } from "../../server/src/backends/network/ovn/ovsdb/client.ts";
import { askDhcpV6 } from "./dhcpv6.ts";
import { describeOnOvn, eventually, expectAll, type Field, type Guest, startField } from "./field.ts";
import { letAllIn, TenantObjects } from "./objects.ts";
import { packetsOf } from "./packets.ts";
import { openTalk } from "./talk.ts";

const rule = (name: string, more: Partial<FilterRule> = {}): FilterRule => ({ ...letAllIn, name, ...more });
const tcp = (first: number, last = first, more: Partial<FilterRule> = {}): FilterRule =>
  rule(`tcp-${first}`, { protocol: "tcp", ports: { first, last }, ...more });

describeOnOvn("security groups", () => {
  const acme = new TenantObjects("acme");
  let field: Field;
  /** On host 0, in the group "client"; on host 1, in the group "server"; on host 0, in no group. */
  let client: Guest;
  let server: Guest;
  let stranger: Guest;
  const at = { client: "10.0.1.10", server: "10.0.1.11", stranger: "10.0.2.12" };
  const at6 = { client: "fd00:10:0:1::10", server: "fd00:10:0:1::11" };

  const letServer = (...rules: readonly FilterRule[]) => field.ensure(acme.router(), acme.group("server", rules));

  beforeAll(async () => {
    field = await startField();
    await field.tenant(acme, 1, 2);
    await field.ensure(acme.group("client", []), acme.group("server", []));
    client = await field.guest(acme.port(1, 10, ["client"]));
    server = await field.guest(acme.port(1, 11, ["server"]), { host: 1 });
    stranger = await field.guest(acme.port(2, 12, []));
    for (const port of [80, 81, 82, 443]) await server.serveTcp(port, `server ${port}`);
    await server.serveUdp(53);
    await client.serveTcp(80, "client");
    await stranger.serveTcp(80, "stranger");
  }, 60_000);
  afterAll(() => field?.stop(), 30_000);

  test("nothing gets in by default, whether a port has a group without rules or none", async () => {
    await letServer();
    await expectAll(
      [client.pings(at.server), false],
      [client.connects(at.server, 80), undefined],
      [client.connects(at6.server, 80), undefined],
      [client.echoes(at.server, 53), false],
      [client.connects(at.stranger, 80), undefined],
      [stranger.connects(at.server, 80), undefined],
    );
  });

  test("a rule lets in its protocol and its ports, in both families, and answers go back", async () => {
    await letServer(tcp(80, 81));
    await expectAll(
      [client.connects(at.server, 80), "server 80"],
      [client.connects(at6.server, 81), "server 81"],
      [stranger.connects(at.server, 81), "server 81"],
      [client.connects(at.server, 82), undefined],
      [client.echoes(at.server, 53), false],
      [client.pings(at.server), false],
    );
  });

  test("UDP and ICMP are rules of their own", async () => {
    await letServer(rule("dns", { protocol: "udp", ports: { first: 53, last: 53 } }));
    await expectAll([client.echoes(at.server, 53), true], [client.pings(at.server), false]);
    await letServer(rule("ping", { protocol: "icmp" }));
    await expectAll(
      [client.pings(at.server), true],
      [client.pings(at6.server), true],
      [client.echoes(at.server, 53), false],
    );
  });

  test("a rule's CIDR is whom it lets in", async () => {
    const cases = [
      { cidr: "10.0.1.0/24", lets4: true, lets6: false },
      { cidr: "10.0.1.10/32", lets4: true, lets6: false },
      { cidr: "10.0.1.12/32", lets4: false, lets6: false },
      { cidr: "0.0.0.0/0", lets4: true, lets6: false },
      { cidr: "fd00:10:0:1::/64", lets4: false, lets6: true },
      { cidr: "::/0", lets4: false, lets6: true },
    ];
    const portOf = (index: number) => 8_000 + index;
    await Promise.all(cases.map((_, index) => server.serveTcp(portOf(index), "server")));
    await letServer(
      ...cases.map(({ cidr }, index) => tcp(portOf(index), portOf(index), { remote: { type: "cidr", cidr } })),
    );
    const found = cases.map(async ({ cidr }, index) => {
      const [got4, got6] = [client.connects(at.server, portOf(index)), client.connects(at6.server, portOf(index))];
      return { cidr, lets4: (await got4) !== undefined, lets6: (await got6) !== undefined };
    });
    expect(await Promise.all(found)).toEqual(cases);
  });

  test("a remote group is its ports, as they come and go", async () => {
    const fromClients = tcp(80, 80, { remote: { type: "group", securityGroupId: acme.groupId("friends") } });
    await field.remove(acme.vpcId, { type: "filter", id: acme.groupId("friends") });
    await letServer(fromClients);
    expect(await client.connects(at.server, 80)).toBeUndefined(); // The group is not there yet.
    await field.ensure(acme.group("friends", []));
    expect(await client.connects(at.server, 80)).toBeUndefined(); // It is empty.
    await field.ensure(acme.port(1, 10, ["client", "friends"]));
    await expectAll(
      [client.connects(at.server, 80), "server 80"],
      [client.connects(at6.server, 80), "server 80"],
      [stranger.connects(at.server, 80), undefined],
    );
    await field.ensure(acme.port(1, 10, ["client"]));
    expect(await client.connects(at.server, 80)).toBeUndefined();
  });

  test("a member's address in another VPC of the project, with the same networks, is a stranger's", async () => {
    const fromKin = tcp(80, 80, { remote: { type: "group", securityGroupId: acme.groupId("kin") } });
    const twin = new TenantObjects("twin", acme.owner);
    await field.tenant(twin, 1);
    await field.ensure(acme.group("kin", [fromKin]));
    const inKin = { securityGroupIds: [acme.groupId("kin")] };
    // In the twin: a member with the client's address, and the server's twin, which the same rule guards.
    await field.ensure(twin.port(1, 10, [], inKin), acme.port(1, 11, ["server", "kin"]));
    await letServer();
    const double = await field.guest(twin.port(1, 10, [], inKin));
    const guarded = await field.guest(twin.port(1, 11, [], inKin), { host: 1 });
    await guarded.serveTcp(80, "guarded");
    await expectAll(
      [client.connects(at.server, 80), undefined],
      [client.connects(at6.server, 80), undefined],
      [double.connects(at.server, 80), "guarded"],
      [double.connects(at6.server, 80), "guarded"],
    );
    await field.ensure(acme.port(1, 10, ["client", "kin"]), twin.port(1, 10, []));
    await expectAll(
      [client.connects(at.server, 80), "server 80"],
      [client.connects(at6.server, 80), "server 80"],
      [double.connects(at.server, 80), undefined],
    );
    await Promise.all([double.remove(), guarded.remove()]);
    await field.ensure(acme.port(1, 10, ["client"]), acme.port(1, 11, ["server"]));
  }, 60_000);

  test("an address group is its networks, as they change", async () => {
    const offices = { type: "addresses", id: "ag-offices", owner: acme.owner } as const;
    await letServer(tcp(80, 80, { remote: { type: "addresses", addressGroupId: offices.id } }));
    const lets = async () => {
      const greetings = await Promise.all([at.server, at6.server].map((address) => client.connects(address, 80)));
      return greetings.map((greeting) => greeting !== undefined);
    };
    expect(await lets()).toEqual([false, false]);
    await field.ensure({ ...offices, cidrs: ["10.0.1.0/24", "192.0.2.0/24"] }, acme.router());
    expect(await lets()).toEqual([true, false]);
    await field.ensure({ ...offices, cidrs: ["fd00:10:0:1::/64", "0.0.0.0/0"] }, acme.router());
    expect(await lets()).toEqual([true, true]);
    await field.ensure({ ...offices, cidrs: [] }, acme.router());
    expect(await lets()).toEqual([false, false]);
  });

  test("the first egress rule ends the freedom to send anywhere; without one, and without a group, all may leave", async () => {
    await letServer(letAllIn);
    await field.ensure(acme.port(2, 12, []));
    expect(await stranger.connects(at.server, 80)).toBe("server 80");
    const out = { direction: "egress" } as const;
    await field.ensure(
      acme.group("client", [tcp(80, 80, out), rule("ping", { ...out, protocol: "icmp" })]),
      acme.router(),
    );
    await expectAll(
      [client.connects(at.server, 80), "server 80"],
      [client.connects(at6.server, 80), "server 80"],
      [client.connects(at.server, 443), undefined],
      [client.pings(at.server), true],
    );
    const toServers = { ...out, remote: { type: "group", securityGroupId: acme.groupId("server") } } as const;
    await field.ensure(acme.group("client", [tcp(443, 443, toServers)]), acme.router());
    await expectAll([client.connects(at.server, 443), "server 443"], [client.connects(at.server, 80), undefined]);
    await field.ensure(acme.group("client", []), acme.router());
    expect(await client.connects(at.server, 80)).toBe("server 80");
  });

  test("rules mean the same in any order, and a port with two groups has the rules of both", async () => {
    const rules = [tcp(80), tcp(443, 443, { remote: { type: "nobody" } }), tcp(81)];
    for (const some of [rules, rules.toReversed()]) {
      await letServer(...some);
      await expectAll(
        [client.connects(at.server, 80), "server 80"],
        [client.connects(at.server, 81), "server 81"],
        [client.connects(at.server, 443), undefined],
      );
    }
    await field.ensure(acme.group("more", [tcp(443)]), acme.port(1, 11, ["server", "more"]));
    await expectAll([client.connects(at.server, 443), "server 443"], [client.connects(at.server, 80), "server 80"]);
    await field.ensure(acme.port(1, 11, ["server"]));
    expect(await client.connects(at.server, 443)).toBeUndefined();
  });

  test("DHCP works whatever the rules say", async () => {
    const nothing = rule("none", { direction: "egress", remote: { type: "nobody" } });
    await field.ensure(acme.group("walled", [nothing]));
    const walled = await field.guest(acme.port(1, 20, ["walled"]), { addresses: "none" });
    expect(await walled.dhcp()).toMatchObject({ ip: "10.0.1.20" });
    expect(await askDhcpV6(walled, "fa:16:3e:00:01:14")).toMatchObject({ addresses: ["fd00:10:0:1::20"] });
    const routes = async () => (await walled.run("ip", "-6", "route", "show", "default")).stdout;
    expect(await eventually(routes, (text) => text !== "")).toMatch(/via fe80::800:aff:fe00:101 .*proto ra/);
    await expectAll([walled.pings(at.server), false], [walled.connects(at.stranger, 80), undefined]);
    await walled.remove();
  });

  test("50 changes of the rules cut no connection that stays allowed, and let nothing in between", async () => {
    await letServer(tcp(80), tcp(81));
    const talk = await openTalk(client, at.server, 80);
    const blocked = await openTalk(client, at.server, 82, true);
    for (let i = 0; i < 50; i++) {
      const others = Array.from({ length: 3 }, (_, n) => tcp(1000 + 10 * i + n));
      // The rule that allows the talk has another name and another shape each time.
      const still = rule(`web-${i}`, { protocol: "tcp", ports: { first: 80 - (i % 3), last: 80 + (i % 2) } });
      await letServer(...others, still);
      await wait(20);
    }
    const { sent, answered } = await talk.end();
    expect(sent).toBeGreaterThan(100);
    expect(answered).toBe(sent);
    expect((await blocked.end()).answered).toBe(0);
  }, 60_000);

  test("a port that comes into other groups, and a first egress rule, cut no connection that stays allowed, and let nothing in between", async () => {
    await letServer(tcp(80));
    await field.ensure(acme.group("twin", [tcp(79, 81)]), acme.group("client", []));
    const talk = await openTalk(client, at.server, 80);
    const blocked = await openTalk(client, at.server, 82, true);
    for (let i = 0; i < 20; i++) {
      await field.ensure(acme.port(1, 11, i % 2 === 0 ? ["twin"] : ["server"]));
      const out = tcp(80, 82, { direction: "egress" });
      await field.ensure(acme.group("client", i % 2 === 0 ? [out] : []), acme.router());
    }
    const { sent, answered } = await talk.end();
    expect(sent).toBeGreaterThan(10);
    expect(answered).toBe(sent);
    expect((await blocked.end()).answered).toBe(0);
  }, 60_000);

  test.each(["server", "client"] as const)(
    "a rule that goes ends what it let in to the server, or out of the client: the %s's",
    async (whose) => {
      const goes = {
        server: acme.group("server", [tcp(81)]),
        client: acme.group("client", [tcp(81, 81, { direction: "egress" })]),
      };
      await letServer(tcp(80));
      const talks = [await openTalk(client, at.server, 80), await openTalk(client, at6.server, 80)];
      const heard = () => packetsOf(server, "tcp dst port 80", 1_000);
      expect(await eventually(heard, (packets) => packets > 0)).toBeGreaterThan(0);
      await field.ensure(goes[whose], acme.router());
      expect(await eventually(heard, (packets) => packets === 0)).toBe(0);
      for (const talk of talks) {
        const { sent, answered } = await talk.end();
        expect(answered).toBeGreaterThan(0);
        expect(sent).toBeGreaterThan(answered);
      }
      await field.ensure(acme.group("client", []), acme.router());
    },
    60_000,
  );

  test("a rule is known by its name: to add, rename, change or reorder rules writes those rules' rows alone, under a connection that lives on", async () => {
    const [web, alt, ssh, dns] = [tcp(80), tcp(81), tcp(22), rule("dns", { protocol: "udp" })];
    await letServer(web, alt);
    const witness = await witnessRules(field.lab.ovn.northbound);
    const talk = await openTalk(client, at.server, 80);
    const written = async (...rules: readonly FilterRule[]) => {
      await letServer(...rules);
      return witness.took();
    };
    expect(await written(alt, web)).toEqual([]);
    expect(await written(ssh, web, alt)).toEqual(["insert tcp-22"]);
    expect(await written(web, dns, { ...ssh, name: "shell" }, alt)).toEqual([
      "delete tcp-22",
      "insert dns",
      "insert shell",
    ]);
    expect(await written({ ...alt, remote: { type: "cidr", cidr: "10.0.0.0/8" } }, dns, web)).toEqual([
      "change tcp-81",
      "delete shell",
    ]);
    // Also the rule that lets the connection in, under another name.
    expect(await written({ ...web, name: "page" }, dns)).toEqual(["delete tcp-80", "delete tcp-81", "insert page"]);
    await witness.close();
    const { sent, answered } = await talk.end();
    expect(sent).toBeGreaterThan(10);
    expect(answered).toBe(sent);
  }, 60_000);

  test("changes of an address group cut no connection that stays allowed, and let nobody else in", async () => {
    const offices = { type: "addresses", id: "ag-moving", owner: acme.owner } as const;
    await field.ensure({ ...offices, cidrs: ["10.0.1.0/24"] });
    await letServer(tcp(80, 80, { remote: { type: "addresses", addressGroupId: offices.id } }));
    const talk = await openTalk(client, at.server, 80);
    const blocked = await openTalk(stranger, at.server, 80, true);
    for (let i = 0; i < 30; i++) {
      const still = ["10.0.1.0/24", "10.0.1.10/32", "10.0.0.0/23"][i % 3] ?? "";
      await field.ensure({ ...offices, cidrs: [`192.0.2.${i}/32`, still, `198.51.100.${i}/32`] }, acme.router());
      await wait(20);
    }
    const { sent, answered } = await talk.end();
    expect(sent).toBeGreaterThan(10);
    expect(answered).toBe(sent);
    expect((await blocked.end()).answered).toBe(0);
  }, 60_000);
});

/** Who sees which rules' rows were written since it was asked last: "insert", "change" or "delete" and the rule's name, sorted. */
async function witnessRules(northbound: string) {
  const columns = ["name", "priority", "direction", "match", "action", "external_ids"];
  const options = { remote: northbound, database: "OVN_Northbound", monitor: { ACL: { columns } } };
  const database = await openDatabase(options, AbortSignal.timeout(10_000));
  let seen: string[] = [];
  database.onChange((changes) => {
    for (const { before, after } of changes) {
      const what = before === undefined ? "insert" : after === undefined ? "delete" : "change";
      const ids = (after ?? before)?.external_ids;
      seen.push(`${what} ${ids instanceof Map ? ids.get("photon:rule") : ""}`);
    }
  });
  /** What was written before has come by when a transaction of its own has. */
  const took = async () => {
    await database.transact([{ op: "increment", table: "NB_Global", column: "nb_cfg" }]);
    const rows = seen.sort();
    seen = [];
    return rows;
  };
  return { took, close: () => database.close() };
}
