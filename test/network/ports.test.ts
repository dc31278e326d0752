// What a guest in a port gets and may do, by packets: DHCP of both families, its gateway, its neighbours on both hosts, and no lies.
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { askDhcpV6 } from "./dhcpv6.ts";
import { describeOnOvn, eventually, type Field, type Guest, startField } from "./field.ts";
import { neighbourAdvertisement, routerAdvertisement, sendAs } from "./frames.ts";
import { letAllIn, TenantObjects } from "./objects.ts";

describeOnOvn("ports", () => {
  const acme = new TenantObjects("acme");
  const rival = new TenantObjects("rival");
  let field: Field;
  beforeAll(async () => {
    field = await startField();
    await field.tenant(acme, 1, 2);
    await field.tenant(rival, 1, 2);
    await field.ensure(acme.group("open", [letAllIn]), rival.group("open", [letAllIn]));
  }, 60_000);
  afterAll(() => field?.stop(), 30_000);

  test("DHCP tells address, mask, routes, MTU, names and the resolver", async () => {
    const guest = await field.guest(acme.port(1, 20, ["open"]), { addresses: "none" });
    const offer = await guest.dhcp();
    expect(offer).toMatchObject({
      ip: "10.0.1.20",
      mask: "24",
      router: "10.0.1.1",
      staticroutes: "169.254.169.254/32 10.0.1.254 0.0.0.0/0 10.0.1.1",
      mtu: "1442",
      hostname: "vm-1-20",
      domain: "main.test.cloud.internal",
      search: "main.test.cloud.internal",
      dns: "10.0.1.254",
      serverid: "10.0.1.1",
      lease: "3600",
    });
    expect(await guest.pings("10.0.1.1")).toBe(true);
    const { stdout: way } = await guest.run("ip", "route", "get", "169.254.169.254");
    expect(way).toContain("via 10.0.1.254");
    await guest.remove();
  });

  test("the router advertises itself, and DHCPv6 gives the port's address", async () => {
    const guest = await field.guest(acme.port(1, 21, ["open"]), { addresses: "none" });
    const routes = async () => (await guest.run("ip", "-6", "route", "show", "default")).stdout;
    expect(await eventually(routes, (text) => text !== "")).toMatch(/via fe80::800:aff:fe00:101 .*proto ra/);
    const mtu = await guest.run("cat", "/proc/sys/net/ipv6/conf/eth0/mtu");
    expect(mtu.stdout.trim()).toBe("1442");
    const { stdout: links } = await guest.run("ip", "-6", "-o", "addr", "show", "scope", "global");
    expect(links).toBe(""); // Managed: no address is made up.
    expect(await askDhcpV6(guest, "fa:16:3e:00:01:15")).toMatchObject({
      addresses: ["fd00:10:0:1::21"],
      domains: ["main.test.cloud.internal"],
      dnsServers: ["fd00:10:0:1::fffe"],
    });
    await guest.configure({ addresses: ["fd00:10:0:1::21/64"] });
    expect(await guest.pings("fd00:10:0:1::1")).toBe(true);
    await guest.remove();
  });

  test("the router's advertisements name the resolver and the domain to search", async () => {
    const guest = await field.guest(acme.port(1, 22, ["open"]), { addresses: "none" });
    const advertised = "timeout 7 tcpdump -l -nn -v -c 1 -i eth0 'icmp6 and ip6[40] == 134' & sleep 1";
    const asked = "ip link set eth0 down; ip link set eth0 up; wait";
    const look = async () => (await guest.run("sh", "-c", `${advertised}; ${asked}`)).stdout;
    const seen = await eventually(look, (text) => text.includes("rdnss"));
    expect(seen).toMatch(/rdnss option \(25\).* addr: fd00:10:0:1::fffe/);
    expect(seen).toMatch(/dnssl option \(31\).* main\.test\.cloud\.internal/);
    await guest.remove();
  });

  test("guests meet on a host, between hosts and between subnets, in both families", async () => {
    const [here, there, beyond] = [
      await field.guest(acme.port(1, 30, ["open"])),
      await field.guest(acme.port(1, 31, ["open"]), { host: 1 }),
      await field.guest(acme.port(2, 30, ["open"]), { host: 1 }),
    ];
    await beyond.serveTcp(80, "beyond");
    for (const address of ["10.0.1.31", "10.0.2.30", "fd00:10:0:1::31", "fd00:10:0:2::30"])
      expect({ address, pings: await here.pings(address) }).toEqual({ address, pings: true });
    expect(await here.connects("10.0.2.30", 80)).toBe("beyond");
    expect(await there.connects("fd00:10:0:2::30", 80)).toBe("beyond");
    await Promise.all([here, there, beyond].map((guest) => guest.remove()));
  });

  test("a packet of 1442 bytes passes between hosts unfragmented, and none that is larger (T5)", async () => {
    const here = await field.guest(acme.port(1, 40, ["open"]), { addresses: "none" });
    await here.dhcp();
    const there = await field.guest(acme.port(1, 41, ["open"]), { addresses: "none", host: 1 });
    await there.dhcp();
    const payload = (bytes: number) =>
      here.run("ping", "-M", "do", "-c", "3", "-i", "0.2", "-W", "1", "-s", String(bytes), "10.0.1.41");
    expect((await payload(1442 - 28)).code).toBe(0);
    expect((await payload(1443 - 28)).code).not.toBe(0);
    await Promise.all([here, there].map((guest) => guest.remove()));
  });

  test("two tenants with the same addresses on the same hosts never meet", async () => {
    const both = await Promise.all(
      [acme, rival].map(async (tenant) => ({
        one: await field.guest(tenant.port(1, 50, ["open"])),
        two: await field.guest(tenant.port(1, 51, ["open"]), { host: 1 }),
        tag: tenant.tag,
      })),
    );
    const lonely = await field.guest(rival.port(2, 50, ["open"]), { host: 1 });
    for (const { two, tag } of both) await two.serveTcp(80, tag);
    await lonely.serveTcp(80, "lonely");
    for (const { one, tag } of both)
      for (const address of ["10.0.1.51", "fd00:10:0:1::51"]) expect(await one.connects(address, 80)).toBe(tag);
    const [ours, theirs] = both;
    expect(await theirs?.one.connects("10.0.2.50", 80)).toBe("lonely");
    expect(await ours?.one.connects("10.0.2.50", 80)).toBeUndefined();
    expect(await ours?.one.connects("fd00:10:0:2::50", 80)).toBeUndefined();
    await Promise.all([...both.flatMap(({ one, two }) => [one, two]), lonely].map((guest) => guest.remove()));
  });

  /** How many pings came in, of either family. */
  async function received(guest: Guest): Promise<number> {
    const v4 = (await guest.run("nstat", "-asz", "IcmpInEchos")).stdout;
    const v6 = (await guest.run("nstat", "-asz", "Icmp6InEchos")).stdout;
    return [v4, v6].map((text) => Number(text.match(/InEchos\s+(\d+)/)?.[1])).reduce((sum, one) => sum + one);
  }

  /** Whether packets with a source arrive at a guest: counted there, since no answer would find its way. */
  async function arrives(from: Guest, source: string, to: Guest, target: string): Promise<boolean> {
    const length = source.includes(":") ? 128 : 32;
    await from.run("ip", "addr", "add", `${source}/${length}`, "dev", "eth0");
    const before = await received(to);
    await from.run("ping", "-I", source, "-c", "10", "-i", "0.05", "-W", "1", target);
    const came = (await received(to)) - before;
    await from.run("ip", "addr", "del", `${source}/${length}`, "dev", "eth0");
    return came >= 5;
  }

  test("packets that lie about their source are dropped", async () => {
    const liar = await field.guest(acme.port(1, 60, ["open"]));
    const victim = await field.guest(acme.port(1, 61, ["open"]), { host: 1 });
    expect(await arrives(liar, "10.0.1.99", victim, "10.0.1.61")).toBe(false);
    expect(await arrives(liar, "192.0.2.1", victim, "10.0.1.61")).toBe(false);
    expect(await arrives(liar, "fd00:10:0:1::99", victim, "fd00:10:0:1::61")).toBe(false);
    // Nor is a lie about a MAC or about whose an address is believed.
    const mac = "fa:16:3e:00:01:3c";
    await liar.run("ip", "link", "set", "eth0", "address", "fa:16:3e:00:01:99");
    expect(await liar.pings("10.0.1.61")).toBe(false);
    await liar.run("ip", "link", "set", "eth0", "address", mac);
    await liar.run("ip", "addr", "add", "10.0.1.1/32", "dev", "eth0");
    const gatewayOf = async () => {
      await victim.pings("10.0.1.1");
      return (await victim.run("ip", "neigh", "show", "10.0.1.1")).stdout;
    };
    expect(await gatewayOf()).toContain("0a:00:0a:00:01:01");
    await liar.run("busybox", "arping", "-U", "-c", "3", "-I", "eth0", "10.0.1.1");
    await liar.run("busybox", "arping", "-A", "-c", "3", "-I", "eth0", "10.0.1.1");
    expect(await gatewayOf()).toContain("0a:00:0a:00:01:01");
    await liar.run("ip", "addr", "del", "10.0.1.1/32", "dev", "eth0");
    await Promise.all([liar, victim].map((guest) => guest.remove()));
  });

  test("nor is a lie about who has an IPv6 address believed", async () => {
    const port = acme.port(1, 65, ["open"]);
    const liar = await field.guest(port);
    const victim = await field.guest(acme.port(1, 66, ["open"]), { host: 1 });
    const [own, gateway, linkLocal] = ["fd00:10:0:1::65", "fd00:10:0:1::1", "fe80::800:aff:fe00:101"];
    const known = (address: string, mac: string) =>
      victim.run("ip", "-6", "neigh", "replace", address, "lladdr", mac, "dev", "eth0", "nud", "stale");
    const homeOf = async (address: string) => (await victim.run("ip", "-6", "neigh", "show", address)).stdout;
    for (const address of [gateway, linkLocal]) await known(address, "0a:00:0a:00:01:01");
    const { macAddress: mac } = port;
    const [written, writtenLinkLocal] = ["fd00:10:0:1:0:0:0:1", "fe80:0:0:0:800:aff:fe00:101"];
    for (const lie of [
      { mac, target: written },
      { mac, target: written, source: written },
      { mac, target: writtenLinkLocal },
      { mac, target: writtenLinkLocal, source: writtenLinkLocal },
    ])
      await sendAs(field, 0, port.id, neighbourAdvertisement(lie));
    // What it says of itself is, and comes after the lies.
    await known(own, "02:00:00:00:00:01");
    const told = async () => {
      await sendAs(field, 0, port.id, neighbourAdvertisement({ mac, target: "fd00:10:0:1:0:0:0:65" }));
      return homeOf(own);
    };
    expect(await eventually(told, (text) => text.includes(mac))).toContain(mac);
    for (const address of [gateway, linkLocal]) expect(await homeOf(address)).toContain("0a:00:0a:00:01:01");
    await Promise.all([liar, victim].map((guest) => guest.remove()));
  });

  test("who leaves the subnet takes the cloud's router, also where a guest says that it is one (T12)", async () => {
    const liar = acme.port(1, 62, ["open"]);
    const [guest, victim] = [
      await field.guest(liar),
      await field.guest(acme.port(1, 64, ["open"]), { host: 1, addresses: "none" }),
    ];
    const routers = async () => (await victim.run("ip", "-6", "route", "show", "default")).stdout;
    expect(await eventually(routers, (text) => text.includes("pref high"))).toContain("via fe80::800:aff:fe00:101");
    await victim.configure({ addresses: ["fd00:10:0:1::64/64"] });
    const told = async () => {
      await sendAs(field, 0, liar.id, routerAdvertisement(liar.macAddress));
      return routers();
    };
    expect(await eventually(told, (text) => text.includes("pref medium"))).toContain("fe80::f816:3eff:fe00:13e");
    expect(await victim.pings("fd00:10:0:2::1")).toBe(true);
    const { stdout: way } = await victim.run("ip", "-6", "route", "get", "2001:db8::1");
    expect(way).toContain("via fe80::800:aff:fe00:101");
    await Promise.all([guest, victim].map((one) => one.remove()));
  });

  test("a port that forwards may send from any address, but from no other MAC, and takes packets for what is behind it", async () => {
    const forwarder = await field.guest(acme.port(1, 70, ["open"], { forwarding: true }));
    const guest = await field.guest(acme.port(2, 71, ["open"]), { host: 1 });
    await forwarder.run("ip", "addr", "add", "172.16.0.1/32", "dev", "lo");
    await field.ensure({
      type: "route",
      id: "route-1",
      owner: acme.owner,
      vpcId: acme.vpcId,
      destination: "172.16.0.0/16",
      target: { type: "address", address: "10.0.1.70", portId: "port-acme-1-70", subnetId: acme.subnetId(1) },
    });
    expect(await guest.pings("172.16.0.1")).toBe(true);
    expect(await arrives(forwarder, "172.16.0.2", guest, "10.0.2.71")).toBe(true);
    await forwarder.run("ip", "link", "set", "eth0", "address", "fa:16:3e:00:01:98");
    expect(await guest.pings("172.16.0.1")).toBe(false);
    await Promise.all([forwarder, guest].map((one) => one.remove()));
  });
});
