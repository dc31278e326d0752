// Real machines on hosts behind agents: two chassis of a real OVN with Geneve between them, QEMU on each.
import { existsSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { runPhoton } from "../../cli/src/testing/run.ts";
import { tinyImage } from "../../scripts/images/tiny.ts";
import { identityOf } from "../../server/src/backends/hypervisor/qemu/process.ts";
import { tapOf } from "../../server/src/backends/hypervisor/qemu/taps.ts";
import type { Hands, Json } from "../scenarios/calls.ts";
import { until } from "./agents.ts";
import { environmentOf } from "./console-command.ts";
import { keepsTelling } from "./first-boot.ts";
import { guestPatienceMs, guestsMissing, said } from "./guest-cloud.ts";
import { type RealHost, type RealHosts, startRealHosts } from "./real-hosts.ts";

const missing = guestsMissing();
const suite = missing === undefined ? describe : describe.skip;
const acme = { orgId: "acme", projectId: "project-alpha" };
/** What a guest counts by itself, and what it hears its peer count on one connection. */
const [tick, count] = [/^tick (\d+) /m, /^count (\d+)$/m];
const numberOf = ([, text]: RegExpExecArray) => Number(text);
const addresses = { red: "10.0.1.10", blue: "10.0.1.11" };

interface Guest {
  readonly vmId: string;
  readonly host: RealHost;
  /** What it says when all that it asks of the cloud was answered: its peer, a name, itself. */
  readonly all: RegExp;
}

suite(`machines of hosts behind agents${missing === undefined ? "" : ` (${missing})`}`, () => {
  let starting: Promise<RealHosts> | undefined;
  let hosts: RealHosts;
  let alice: Hands;
  beforeAll(async () => {
    starting = startRealHosts();
    hosts = await starting;
    alice = await hosts.tenant("acme");
  }, 3 * guestPatienceMs);
  afterAll(async () => (await starting)?.stop(), guestPatienceMs);

  const makeGuest = async (
    host: RealHost,
    name: keyof typeof addresses,
    image_id: string,
    inSubnet: Json,
  ): Promise<Guest> => {
    const peer = name === "red" ? "blue" : "red";
    const port = await alice.create("Port", { ...inSubnet, name, ip_address: addresses[name] });
    await hosts.placeOn(host);
    const user_data = keepsTelling({ address: addresses[peer], name: `${peer}.project-alpha.acme.cloud.internal` });
    const network = [{ id: "eth0", port_id: port.id }];
    const { id: vmId } = await alice.create("Vm", {
      name,
      spec: { cpu: 1, memory: 128, image_id, network, user_data },
    });
    const running = await alice.until("Vm", vmId, ({ state }) => state === "VM_STATE_RUNNING");
    expect(running).toMatchObject({ hostId: host.agentHost.name });
    const answered = `metadata=${vmId} name=${addresses[peer].replaceAll(".", "\\.")} page=hello from ${peer}$`;
    return { vmId, host, all: new RegExp(`^round \\d+: ${answered}`, "m") };
  };
  const allTell = (guests: readonly Guest[]) =>
    Promise.all(guests.map(({ host, vmId, all }) => host.saysAgain(vmId, all)));
  const pidsOf = (guests: readonly Guest[]) => guests.map(({ host, vmId }) => host.process(vmId)?.pid);

  test(
    "speak across hosts, run on when agents and the server are killed, and move while they run",
    async () => {
      const [one, two] = hosts.hosts;
      if (one === undefined || two === undefined) throw new Error("there are not two hosts");
      for (const { agentHost } of [one, two])
        expect(await hosts.field.host(agentHost.name)).toMatchObject({ drivers: ["qemu"] });

      // The server has both: the one as an operator's file, the other as a tenant's upload.
      const env = environmentOf(hosts.field.url, alice.tenant);
      const importing = ["image", "import", tinyImage(".photon/images"), "--id", "mine", "--wait", "-o", "json"];
      expect(await runPhoton(importing, { env, now: Date.now() })).toMatchObject({ code: 0, err: "" });

      const vpc = await alice.create("Vpc", { name: "main", cidr: "10.0.0.0/16" });
      const subnet = await alice.create("Subnet", { vpc_id: vpc.id, name: "web", cidr: "10.0.1.0/24" });
      const rules = { web: { direction: "DIRECTION_INGRESS", protocol: "PROTOCOL_TCP", port_range: { first: 80 } } };
      const group = await alice.create("SecurityGroup", { name: "web", rules });
      const inSubnet = { subnet_id: subnet.id, security_group_ids: [group.id] };
      const guests = [await makeGuest(one, "red", "tiny", inSubnet), await makeGuest(two, "blue", "mine", inSubnet)];

      // DHCP, metadata and a name from each host's agent, and the peer's page through the tunnel.
      for (const { host, vmId } of guests) await host.says(vmId, /^address eth0 10\.0\.1\.1[01]$/m);
      await allTell(guests);
      const pids = pidsOf(guests);

      for (const { agent } of hosts.hosts) await agent?.kill();
      await hosts.field.hostIs("one", "SILENT");
      expect(pids.map((pid) => identityOf(pid ?? 0)?.pid)).toEqual(pids);
      await Promise.all(guests.map(({ host, vmId }) => host.saysAgain(vmId, /^round \d+: .* page=hello from/m)));
      for (const host of hosts.hosts) await hosts.run(host);
      await allTell(guests);
      for (const { vmId } of guests)
        expect(await alice.until("Vm", vmId, ({ state }) => state === "VM_STATE_RUNNING")).toBeTruthy();

      await hosts.field.server?.kill();
      await Promise.all(guests.map(({ host, vmId }) => host.saysAgain(vmId, /^round \d+: .* page=hello from/m)));
      await hosts.field.startServer();
      for (const { agentHost } of hosts.hosts) await hosts.field.hostIs(agentHost.name, "READY");
      await allTell(guests);
      expect(pidsOf(guests)).toEqual(pids);

      const [red, blue] = guests;
      if (red === undefined || blue === undefined) throw new Error("there are not two guests");
      const lastTick = numberOf(await one.says(red.vmId, tick));
      const lastCounts = {
        [red.vmId]: numberOf(await one.says(red.vmId, count)) + 1,
        [blue.vmId]: numberOf(await two.says(blue.vmId, count)) + 1,
      };
      await hosts.field.call("plasmavmc.v1.VmService/MigrateVm", { ...acme, id: red.vmId, hostId: "two" });
      await alice.until("Vm", red.vmId, ({ hostId, state }) => hostId === "two" && state === "VM_STATE_RUNNING");
      const there = { ...red, host: two };
      await allTell([there, blue]);
      // It went on: it did not boot, and connections live on: its peer's to it, and its own, on which it has nothing to say.
      expect(numberOf(await two.says(red.vmId, tick))).toBeGreaterThan(lastTick);
      for (const { vmId } of [red, blue]) {
        await two.saysAgain(vmId, count);
        const counted = said(two.files(vmId).consoleLog, count).map(numberOf);
        expect(counted).toEqual([...counted.keys()]);
        expect(counted.length).toBeGreaterThan(lastCounts[vmId] ?? 0);
      }
      await until("what it left is gone", async () => !existsSync(one.files(red.vmId).folder));
      expect(identityOf(pids[0] ?? 0)).toBeUndefined();
      expect(await one.devices()).not.toContain(tapOf(red, { id: "eth0" }));
      const pidsNow = pidsOf([there, blue]);

      for (const { vmId, host } of [there, blue]) {
        await alice.remove("Vm", vmId);
        expect(existsSync(host.files(vmId).folder)).toBe(false);
        expect(await host.devices()).not.toContain(tapOf({ vmId }, { id: "eth0" }));
      }
      expect(pidsNow.map((pid) => identityOf(pid ?? 0))).toEqual([undefined, undefined]);
      await hosts.field.call("plasmavmc.v1.ImageService/DeleteImage", { ...acme, id: "mine" });
      await until("the image is gone", async () => hosts.hosts.every((host) => !host.images().includes("mine.qcow2")));
      for (const host of hosts.hosts) {
        await host.agent?.kill("SIGTERM");
        expect(await host.services()).toEqual([]);
        expect(readdirSync(host.machines, { recursive: true }).filter((name) => name.includes("part"))).toEqual([]);
      }
    },
    8 * guestPatienceMs,
  );
});
