import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { VmSchema } from "@photoncloud/proto/gen/plasmavmc/v1/vm_pb";
import { type Port, PortSchema } from "@photoncloud/proto/gen/prismnet/v1/port_pb";
import type { Subnet } from "@photoncloud/proto/gen/prismnet/v1/subnet_pb";
import type { Vpc } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { namesOf } from "../../server/src/agent/subnet/service-namespace.ts";
import { command } from "../../server/src/backends/linux/command.ts";
import { addNamespace, ip, namespaces } from "../../server/src/backends/linux/namespaces.ts";
import { acme, rival } from "../../server/src/services/testing/small-cloud.ts";
import { type AgentCloud, openRules, startAgentCloud } from "./agent-cloud.ts";
import { describeOnOvn, eventually, type Guest } from "./field.ts";
import { startUpstream, type Upstream } from "./upstream.ts";

/** What dig finds, a line each, sorted; "status: X" where it finds nothing. */
async function dig(guest: Guest, ...words: readonly string[]): Promise<string> {
  const { stdout } = await guest.run("dig", "+tries=2", "+time=2", "+noall", "+answer", "+comments", ...words);
  const answers = stdout.split("\n").filter((line) => line !== "" && !line.startsWith(";"));
  const status = /status: (\w+)/.exec(stdout)?.[1] ?? stdout.trim().split("\n").at(-1) ?? "";
  return answers.length === 0
    ? status
    : answers
        .map((line) => line.split(/\s+/).at(-1))
        .toSorted()
        .join(" ");
}

describeOnOvn("names in a VPC", () => {
  let cloud: AgentCloud;
  let upstream: Upstream;
  let vpc: Vpc;
  let subnet: Subnet;
  let web: Port;
  let db: Port;
  let guest: Guest;
  let far: Guest;

  beforeAll(async () => {
    upstream = await startUpstream();
    cloud = await startAgentCloud([upstream.address]);
    ({ vpc, subnet } = await cloud.network());
    [web, db] = await Promise.all([cloud.port(subnet, { name: "web" }), cloud.port(subnet, { name: "db" })]);
    [guest, far] = await Promise.all([cloud.guest(web), cloud.guest(db, 1)]);
  }, 120_000);
  afterAll(async () => {
    await cloud?.stop();
    upstream?.stop();
  }, 60_000);

  /** Waits until the guest's host serves the subnet. */
  const served = async (asker: Guest, asked: string, address: string | undefined) => {
    expect(
      await eventually(
        () => dig(asker, service(), asked),
        (found) => found === address,
      ),
    ).toBe(address);
  };
  const service = () => `@${subnet.serviceAddress}`;
  const name = (label: string) => `${label}.alpha.acme.cloud.internal`;

  test("are answered on every host, over UDP and TCP, with EDNS and without (T3)", async () => {
    await served(guest, name("db"), db.ipAddress);
    await served(far, name("web"), web.ipAddress);
    for (const how of ["+notcp", "+tcp", "+noedns", "+edns=0", "+bufsize=4096", "+dnssec", "+cookie"]) {
      expect([how, await dig(guest, service(), how, name("db"))]).toEqual([how, db.ipAddress]);
      expect([how, await dig(far, service(), how, name("web"), "AAAA")]).toEqual([how, web.ipv6Address]);
    }
  });

  test("are answered at the metadata address, and over IPv6", async () => {
    await guest.configure({ addresses: [`${web.ipv6Address}/64`] });
    await served(guest, name("db"), db.ipAddress);
    expect(await dig(guest, "@169.254.169.254", name("db"))).toBe(db.ipAddress);
    for (const v6 of [`@${subnet.ipv6Cidr?.replace("/64", "2")}`, "@fe80::a9fe:a9fe%eth0"])
      for (const how of ["+notcp", "+tcp"])
        expect([v6, how, await dig(guest, v6, how, name("db"))]).toEqual([v6, how, db.ipAddress]);
  });

  test("are found by address, and none is made up", async () => {
    await served(guest, name("db"), db.ipAddress);
    const before = upstream.asked.length;
    expect(await dig(guest, service(), "-x", db.ipAddress ?? "")).toBe(`${name("db")}.`);
    expect(await dig(guest, service(), "-x", db.ipv6Address ?? "")).toBe(`${name("db")}.`);
    expect(await dig(guest, service(), name("nobody"))).toBe("NXDOMAIN");
    expect(await dig(guest, service(), name("db"), "TXT")).toBe("NOERROR");
    expect(await dig(guest, service(), "-x", "10.0.200.200")).toBe("NXDOMAIN");
    expect(await dig(guest, service(), "-x", "192.168.1.1")).toBe("NXDOMAIN");
    expect(upstream.asked.slice(before)).toEqual([]);
  });

  test("of elsewhere are asked of the server of the settings", async () => {
    await served(guest, name("db"), db.ipAddress);
    for (const how of ["+notcp", "+tcp"]) expect(await dig(guest, service(), how, "example.com")).toBe("192.0.2.7");
    expect(await dig(guest, service(), "-x", "192.0.2.7")).toBe("NOERROR");
    expect(upstream.asked).toEqual(expect.arrayContaining(["example.com", "7.2.0.192.in-addr.arpa"]));
  });

  test("of another tenant with the same addresses are its own", async () => {
    const theirs = await cloud.network(rival);
    const port = await cloud.port(theirs.subnet, { name: "web" });
    expect(port.ipAddress).toBe(web.ipAddress);
    const stranger = await cloud.guest(port);
    const own = "web.alpha.rival.cloud.internal";
    await served(stranger, own, port.ipAddress);
    expect(await dig(stranger, service(), name("web"))).toBe("NXDOMAIN");
    expect(await dig(stranger, service(), "-x", port.ipAddress ?? "")).toBe(`${own}.`);
    expect(await dig(guest, service(), own)).toBe("NXDOMAIN");
    await served(guest, name("web"), web.ipAddress);
  });

  test("appear and go with their ports and VMs", async () => {
    await served(guest, name("db"), db.ipAddress);
    const ports = [await cloud.port(subnet), await cloud.port(subnet)];
    const network = ports.map(({ id: portId }, i) => ({ id: `eth${i}`, portId }));
    const vm = await cloud.cloud.create(VmSchema, { ...acme, name: "many", spec: { network } });
    const addresses = ports.map(({ ipAddress }) => ipAddress).toSorted();
    expect(await dig(guest, service(), name("many"))).toBe(addresses.join(" "));
    expect(await dig(guest, service(), "-x", addresses[0] ?? "")).toBe(`${name("many")}.`);
    await cloud.cloud.delete(VmSchema, vm.id);
    expect(await dig(guest, service(), name("many"))).toBe("NXDOMAIN");
    await cloud.cloud.gone(VmSchema, vm.id);
    for (const { id } of ports) await cloud.cloud.delete(PortSchema, id);
    expect(await dig(guest, service(), "-x", addresses[0] ?? "")).toBe("NXDOMAIN");
  });

  test("work for a guest that security groups let nothing in to, also from port 53 (OVN's own names do)", async () => {
    const shut = await cloud.port(subnet, { securityGroupIds: [(await cloud.group({})).id] });
    const victim = await cloud.guest(shut);
    await served(victim, name("web"), web.ipAddress);
    const stop = await victim.serveUdp(7777);
    const stop53 = await victim.serveUdp(53);
    const { ipAddress = "" } = shut;
    expect(await guest.echoes(ipAddress, 7777, { fromPort: 53 })).toBe(false);
    expect(await guest.echoes(ipAddress, 53, { fromPort: 53 })).toBe(false);
    expect(await far.echoes(ipAddress, 7777, { fromPort: 53 })).toBe(false);
    await Promise.all([stop(), stop53()]);
    const group = await cloud.group(openRules);
    const open = await cloud.port(subnet, { securityGroupIds: [group.id] });
    const host = await cloud.guest(open);
    await host.serveUdp(7777);
    expect(await guest.echoes(open.ipAddress ?? "", 7777, { fromPort: 53 })).toBe(true);
  });

  test("are answered to guests of the VPC's other subnets, too", async () => {
    await served(guest, name("db"), db.ipAddress);
    const other = await cloud.guest(await cloud.port(await cloud.subnet(vpc.id)));
    expect(
      await eventually(
        () => dig(other, service(), name("db")),
        (found) => found === db.ipAddress,
      ),
    ).toBe(db.ipAddress);
  });
}, ["dig"]);

describeOnOvn("the service of a subnet", () => {
  let cloud: AgentCloud;
  beforeAll(async () => {
    cloud = await startAgentCloud();
  }, 120_000);
  afterAll(() => cloud?.stop(), 60_000);

  const services = async () => {
    const hosts = cloud.lab.ovn.hosts.map(({ namespace }) => `${namespace}-s-`);
    return (await namespaces()).filter((one) => hosts.some((host) => one.startsWith(host)));
  };
  const becomes = async (count: number) => {
    const found = await eventually(services, (names) => names.length === count);
    expect(found).toHaveLength(count);
  };
  const answers = async (guest: Guest, subnet: Subnet, port: Port) => {
    const name = `${port.name}.alpha.acme.cloud.internal`;
    const found = await eventually(
      () => dig(guest, `@${subnet.serviceAddress}`, name),
      (one) => one === port.ipAddress,
    );
    expect(found).toBe(port.ipAddress);
  };

  test("is where its ports are, and goes with the last of them", async () => {
    const { subnet } = await cloud.network();
    const [a, b] = [await cloud.port(subnet), await cloud.port(subnet)];
    await becomes(0);
    const here = await cloud.guest(a);
    await becomes(1);
    const there = await cloud.guest(b, 1);
    await becomes(2);
    await answers(here, subnet, b);
    await answers(there, subnet, a);
    await there.remove();
    await becomes(1);
    await answers(here, subnet, b);
    await here.remove();
    await becomes(0);
  });

  test("comes for many subnets at once", async () => {
    const { vpc, subnet } = await cloud.network();
    const subnets = [subnet, ...(await Promise.all([1, 2, 3, 4, 5].map(() => cloud.subnet(vpc.id))))];
    const plug = async (one: Subnet) => {
      const port = await cloud.port(one);
      return { port, subnet: one, guest: await cloud.guest(port) };
    };
    const guests = await Promise.all(subnets.map(plug));
    await becomes(6);
    for (const one of guests) await answers(one.guest, one.subnet, one.port);
    await Promise.all(guests.map(({ guest }) => guest.remove()));
    await becomes(0);
  });

  test("comes back when the agent, the switch or its cable went", async () => {
    const { subnet } = await cloud.network();
    const port = await cloud.port(subnet);
    const guest = await cloud.guest(port);
    await answers(guest, subnet, port);
    await cloud.stopAgents();
    await becomes(0);
    await cloud.startAgents();
    await answers(guest, subnet, port);
    const vswitchd = cloud.lab.ovn.daemons().find(({ name }) => name === "vswitchd@h1");
    process.kill(vswitchd?.pid ?? 0, "SIGKILL");
    await answers(guest, subnet, port);
    const [service = ""] = await services();
    const device = `ps${service.slice(-10)}`;
    const [host] = cloud.lab.ovn.hosts;
    await command("ovs-vsctl", [`--db=${host?.database}`, "del-port", "br-int", device]);
    await answers(guest, subnet, port);
    await guest.remove();
    await becomes(0);
  });

  test("is made from what an agent left that was killed, and what nobody needs any more goes", async () => {
    const { subnet } = await cloud.network();
    const port = await cloud.port(subnet);
    const guest = await cloud.guest(port);
    await answers(guest, subnet, port);
    await cloud.stopAgents();
    const [host] = cloud.lab.ovn.hosts;
    const plug = (device: string, portId: string) => {
      const ids = [`external_ids:iface-id=${portId}`, 'external_ids:"photon:owner"=photoncloud'];
      const words = ["add-port", "br-int", device, "--", "set", "Interface", device, ...ids];
      return command("ovs-vsctl", [`--db=${host?.database}`, "--no-wait", ...words]);
    };
    const left = namesOf(host?.namespace, subnet.id);
    const stale = namesOf(host?.namespace, "subnet-gone");
    for (const { namespace, device } of [left, stale]) {
      await addNamespace(namespace);
      await ip(host?.namespace, `link add ${device} type veth peer name eth0 netns ${namespace}`);
    }
    await plug(left.device, `svc-${subnet.id}`);
    await plug(stale.device, "svc-subnet-gone");
    await cloud.startAgents();
    await answers(guest, subnet, port);
    expect(await services()).toEqual([left.namespace]);
    expect(await command("ovs-vsctl", [`--db=${host?.database}`, "list-ports", "br-int"])).not.toContain(stale.device);
    await guest.remove();
    await becomes(0);
  });
}, ["dig"]);
