// What a switch in user space is kept from, by packets: to end with a connection that has timed out (T1), and to go by old rules (T14).
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { command } from "../../../linux/command.ts";
import type { Guest } from "../testing/guest.ts";
import { type NetworkLab, startNetworkLab } from "../testing/network-lab.ts";
import { describeOnOvn } from "../testing/require.ts";
import { sampleNetwork, samplePort } from "../testing/sample-network.ts";

jest.setTimeout(60_000);
const { signal } = new AbortController();
const [asker, answerer] = [samplePort(1), samplePort(2)];
const [fromPort, port] = [5_555, 7_777];

describeOnOvn("a host's switch", () => {
  let lab: NetworkLab;
  let guests: readonly Guest[];
  beforeAll(async () => {
    lab = await startNetworkLab({ hosts: 1 });
    for (const object of sampleNetwork(2)) await lab.driver.ensure(object, signal);
    guests = [await lab.plug(asker), await lab.plug(answerer)];
    await Promise.all(guests.map((guest) => guest.dhcp()));
  });
  afterAll(() => lab.stop());

  const env = () => ({ OVS_RUNDIR: lab.ovn.hosts[0]?.runDir ?? "" });
  const appctl = (...words: readonly string[]) =>
    command("ovs-appctl", ["-t", "ovs-vswitchd", ...words], { env: env() });
  const vsctl = (...words: readonly string[]) =>
    command("ovs-vsctl", [`--db=${lab.ovn.hosts[0]?.database}`, "--timeout=10", ...words]);
  const pid = async () => (await command("cat", [`${lab.ovn.hosts[0]?.runDir}/ovs-vswitchd.pid`])).trim();
  /** Connections of UDP are forgotten after a second, in the place of a minute. */
  const hurry = async () => {
    const zones = /ct-zone-\S*?="?(\d+)/g;
    const told = (await vsctl("get", "Bridge", "br-int", "external_ids")).matchAll(zones);
    const policy = ["udp_first=1", "udp_single=1", "udp_multiple=1"];
    for (const [, zone] of told) await vsctl("--may-exist", "add-zone-tp", "netdev", `zone=${zone}`, ...policy);
  };

  /** What lets connections through, as the host has it. */
  const commits = async () => {
    const flows = await command("ovs-ofctl", ["dump-flows", `unix:${lab.ovn.hosts[0]?.runDir}/br-int.mgmt`]);
    return flows.match(/ct\(commit,zone=.*/g) ?? [];
  };
  async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    for (const end = Date.now() + 20_000; !(await holds().catch(() => false)); await wait(50))
      if (Date.now() > end) throw new Error(`not yet: ${what}`);
  }

  test("outlives connections that time out, also after it was started again (T1)", async () => {
    const [a, b] = guests;
    const stop = await b?.serveUdp(port);
    const ask = () => a?.echoes(answerer.ipAddress, port, { fromPort });
    for (const start of ["the first", "another"]) {
      await until("its flows do without", async () => {
        const all = await commits();
        return all.length > 0 && !all.some((one) => one.includes("nat(src)"));
      });
      await hurry();
      const before = await pid();
      for (let round = 0; round < 3; round++) {
        expect(await ask()).toBe(true);
        await wait(1_200);
      }
      expect({ start, pid: await pid() }).toEqual({ start, pid: before });
      if (start === "another") break;
      process.kill(Number(before), "SIGKILL");
      await until("another switch", async () => (await pid()) !== before);
    }
    await stop?.();
  });

  test("goes by the new rules with all that it remembers, also where that overlaps (T14)", async () => {
    const outside = lab.outside();
    await outside.run("ip", "route", "add", "10.0.0.0/8", "via", "203.0.113.254");
    await outside.run("ip", "neigh", "add", "203.0.113.254", "lladdr", "02:00:00:00:00:fe", "dev", "br0");
    const send = (address: string) => outside.run("bash", "-c", `echo > /dev/udp/${address}/9`);
    const rules = async (...all: readonly (readonly [string, string])[]) => {
      const bridge = `unix:${lab.ovn.hosts[0]?.runDir}/br-ex.mgmt`;
      const input = all.map(([network, action]) => `udp,nw_dst=${network},actions=${action}\n`).join("");
      await command("ovs-ofctl", ["--bundle", "replace-flows", bridge, "-"], { input });
      await appctl("revalidator/wait");
    };
    /** What it does with packets to each address, as it remembers that. */
    const remembered = async () => {
      const flows = (await appctl("dpctl/dump-flows")).matchAll(/dst=(10\.1\.[0-9.]+).*actions:(.*)/g);
      return [
        ...new Set([...flows].map(([, address, actions]) => `${address} ${actions === "drop" ? "dropped" : "taken"}`)),
      ].sort();
    };

    // What it remembers of a /16 is looked through first.
    const other = ["10.2.0.0/16", "LOCAL"] as const;
    await rules(other);
    await send("10.2.0.1");
    // It remembers what it did for a /24, keeps that when the rule is for a /16, and remembers another that is as wide as the rule.
    await rules(other, ["10.1.2.0/24", "LOCAL"]);
    await send("10.1.2.2");
    await rules(other, ["10.1.0.0/16", "LOCAL"]);
    await send("10.1.0.2");
    expect(await remembered()).toEqual(["10.1.0.2 taken", "10.1.2.2 taken"]);
    await rules(other, ["10.1.0.0/16", "drop"]);
    expect(await remembered()).toEqual(["10.1.0.2 dropped", "10.1.2.2 dropped"]);
  });
});
