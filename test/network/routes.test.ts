// Routes, by packets: to a guest that forwards, out by the gateway, and nowhere; of several the most specific one counts.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { RouteSpec } from "../../server/src/backends/network/driver.ts";
import { describeOnOvn, eventually, expectAll, type Field, type Guest, startField } from "./field.ts";
import { externalNetwork, letAllIn, TenantObjects } from "./objects.ts";

/** Hosts of the outside. */
const [faraway, elsewhere] = ["198.51.100.10", "192.0.2.10"];
/** Hosts of an office that is reached by a guest of the VPC. */
const office = { v4: "192.168.7.1", locked: "192.168.8.1", v6: "2001:db8:7::1" };

describeOnOvn("routes", () => {
  const acme = new TenantObjects("acme");
  const rival = new TenantObjects("rival");
  let field: Field;
  let one: Guest;
  let theirs: Guest;
  const route = (
    { vpcId, owner, tag }: TenantObjects,
    destination: string,
    target: RouteSpec["target"],
  ): RouteSpec => ({
    type: "route",
    id: `route-${tag}-${destination.replace(/\W/g, "-")}`,
    owner,
    vpcId,
    destination,
    target,
  });
  const to = (address: string): RouteSpec["target"] => ({
    type: "address",
    address,
    portId: "port-acme-2-20",
    subnetId: acme.subnetId(2),
  });
  const pings = (from: Guest, address: string, expected: boolean) =>
    eventually(
      () => from.pings(address),
      (answers) => answers === expected,
    );

  beforeAll(async () => {
    field = await startField();
    const outside = field.lab.outside();
    for (const address of [faraway, elsewhere]) await outside.run("ip", "addr", "add", `${address}/32`, "dev", "lo");
    for (const tenant of [acme, rival]) {
      await field.tenant(tenant, 1, 2);
      await field.ensure(tenant.group("open", [letAllIn]));
    }
    await field.ensure(externalNetwork, acme.gateway());
    one = await field.guest(acme.port(1, 11, ["open"]));
    theirs = await field.guest(rival.port(1, 11, ["open"]));
    await officeBehind(await field.guest(acme.port(2, 20, ["open"], { forwarding: true }), { host: 1 }));
  }, 90_000);
  afterAll(() => field?.stop(), 30_000);

  /** The guest passes packets for the office on to the guest that stands for it. */
  async function officeBehind(forwarder: Guest): Promise<void> {
    const it = await field.guest(acme.port(2, 21, ["open"], { forwarding: true }), { host: 0 });
    for (const address of [`${office.v4}/32`, `${office.locked}/32`, `${office.v6}/128`])
      await it.run("ip", "addr", "add", address, "dev", "lo");
    await forwarder.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
    await forwarder.run("ip", "route", "add", "192.168.0.0/16", "via", "10.0.2.21");
    await forwarder.run("ip", "-6", "route", "add", "2001:db8:7::/64", "via", "fd00:10:0:2::21");
  }

  test("lead to what is behind a guest that forwards, in both families, for their VPC alone, and end", async () => {
    const routes = [
      route(acme, "192.168.0.0/16", to("10.0.2.20")),
      route(acme, "192.168.8.0/24", { type: "drop" }),
      route(acme, "2001:db8:7::/64", to("fd00:10:0:2::20")),
    ];
    await expectAll([one.pings(office.v4), false], [one.pings(office.v6), false]);
    await field.ensure(...routes);
    await expectAll(
      [pings(one, office.v4, true), true],
      [pings(one, office.v6, true), true],
      [one.pings(office.locked), false],
      [theirs.pings(office.v4), false],
    );
    const { stdout } = await one.run("ping", "-c", "1", "-W", "2", office.v4);
    // The VPC's router and the guest took one each on the way there; the way back is counted here: office, router.
    expect(stdout).toContain("ttl=63");
    await field.remove(acme.vpcId, ...routes.slice(1, 2));
    expect(await pings(one, office.locked, true)).toBe(true);
    await field.remove(acme.vpcId, ...routes);
    await expectAll([pings(one, office.v4, false), false], [pings(one, office.v6, false), false]);
  });

  test("take the place of the gateway's default, and lead out by it where they say so", async () => {
    const [nowhere, exit] = [
      route(acme, "0.0.0.0/0", { type: "drop" }),
      route(acme, "198.51.100.0/24", { type: "gateway" }),
    ];
    await expectAll([pings(one, faraway, true), true], [pings(one, elsewhere, true), true]);
    await field.ensure(nowhere);
    await expectAll([pings(one, faraway, false), false], [pings(one, elsewhere, false), false]);
    await field.ensure(exit);
    await expectAll([pings(one, faraway, true), true], [one.pings(elsewhere), false]);
    await field.remove(acme.vpcId, nowhere, exit);
    await expectAll([pings(one, faraway, true), true], [pings(one, elsewhere, true), true]);
  });
});
