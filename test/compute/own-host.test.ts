// The server's own host among hosts of agents, all with real QEMU: machines go from it and come to it while they run, and those of a dead host are made
// anew on it. No guest has a network here: what crosses is tried in hosts.test.ts.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { tinyImage } from "../../scripts/images/tiny.ts";
import { machineFolders } from "../../server/src/backends/hypervisor/folders.ts";
import { readDefinition, readRunning } from "../../server/src/backends/hypervisor/qemu/definition.ts";
import { type MachineFiles, machineFiles, machinesFolder } from "../../server/src/backends/hypervisor/qemu/layout.ts";
import { kill } from "../../server/src/backends/hypervisor/qemu/process.ts";
import { createTenant } from "../../server/src/testing/tenants.ts";
import { Hands, type Json } from "../scenarios/calls.ts";
import { Field, type Photon, until } from "./agents.ts";
import { guestPatienceMs, guestsMissing, said, untilSaid } from "./guest-cloud.ts";

const missing = guestsMissing();
const suite = missing === undefined ? describe : describe.skip;
const longMs = 5 * guestPatienceMs;
const tick = /^tick (\d+) /m;

suite(`the server's own host and an agent's${missing === undefined ? "" : ` (${missing})`}`, () => {
  const images = ".photon/images";
  const dir = mkdtempSync("/tmp/p");
  const machinesOf = (host: string) => join(dir, host);
  let field: Field;
  let agent: Photon | undefined;
  let alice: Hands;

  const foldersOf = (host: string) =>
    machineFolders(join(field.dir, host === "local" ? "server" : host), machinesOf(host));
  const files = (host: string, vmId: string): MachineFiles => machineFiles(foldersOf(host), vmId);

  beforeAll(async () => {
    tinyImage(images);
    // Each machine runs as a user of its own, who must be able to reach its files.
    for (const folder of [dir, machinesOf("local"), machinesOf("one")])
      mkdirSync(folder, { recursive: true, mode: 0o711 });
    chmodSync(dir, 0o711);
    const machines = (host: string) => ["--hypervisor", "qemu", "--images", images, "--machines", machinesOf(host)];
    field = new Field({ backends: ["--network", "ovn", ...machines("local")] });
    await field.startServer();
    // Both hosts are on one chassis, which none of their machines is plugged into.
    const { hosts } = JSON.parse(readFileSync(join(field.dir, "server", "network.json"), "utf8"));
    const chassis = ["--ovs-database", hosts[0].database, "--ovs-namespace", hosts[0].namespace];
    const host = await field.newHost("one", [...machines("one"), ...chassis]);
    const [code, words] = await field.join(host, await field.drawToken());
    if (code !== 0) throw new Error(`it could not join: ${words}`);
    agent = await field.runAgent(host);
    await field.hostIs("one", "READY");
    alice = new Hands(field.url, await createTenant(field.url, field.token, "acme", "alpha"), guestPatienceMs);
  }, longMs);
  afterAll(async () => {
    await agent?.kill("SIGTERM");
    await field.server?.kill("SIGTERM");
    for (const host of ["local", "one"]) endMachines(host);
    await field.stop();
    rmSync(dir, { recursive: true, force: true });
  }, guestPatienceMs);

  /** Of agents too: what a host that is gone for good ran has gone with it. */
  function endMachines(host: string): void {
    for (const vmId of machinesOn(host)) {
      const running = readRunning(files(host, vmId));
      const definition = readDefinition(files(host, vmId));
      if (running !== undefined && definition !== undefined) kill(running.process, definition.uuid);
    }
  }

  const machinesOn = (host: string) => {
    const folder = machinesFolder(foldersOf(host));
    return existsSync(folder) ? readdirSync(folder) : [];
  };

  let made = 0;
  async function makeVm(host: string, more: Json = {}): Promise<string> {
    for (const one of ["local", "one"]) await field.schedulable(one, one === host);
    const spec = { cpu: 1, memory: 128, image_id: "tiny", ...more };
    const { id } = await alice.create("Vm", { name: `vm${++made}`, spec });
    await runs(id, host);
    await untilSaid(files(host, id).consoleLog, tick);
    return id;
  }

  const runs = (id: string, host: string) =>
    alice.until("Vm", id, ({ hostId, state }) => hostId === host && state === "VM_STATE_RUNNING");

  test(
    "trade a running machine, which counts on; and those of an agent's host that is dead are made anew on the server's",
    async () => {
      const id = await makeVm("local");
      for (const [from, to] of [
        ["local", "one"],
        ["one", "local"],
      ] as const) {
        await field.schedulable(to, true);
        const log = files(to, id).consoleLog;
        expect(await field.migrate(id, to)).toMatchObject({ hostId: to, move: { phase: "VM_MOVE_PHASE_DONE" } });
        const before = said(log, tick).length;
        await untilSaid(log, tick, before + 1);
        const ticks = said(log, tick).map(([, n]) => Number(n));
        expect(ticks).toEqual(ticks.map((_, i) => (ticks[0] ?? 0) + i));
        await until(`nothing is left on ${from}`, async () => !machinesOn(from).includes(id));
      }
      await alice.remove("Vm", id);

      const [rebuilt, waiting] = [
        await makeVm("one", { on_host_failure: "HOST_FAILURE_POLICY_REBUILD" }),
        await makeVm("one"),
      ];
      await agent?.kill();
      endMachines("one");
      await field.hostIs("one", "SILENT");
      await field.schedulable("local", true);
      await expect(field.call("plasmavmc.v1.HostService/EvacuateHost", { id: "one" })).rejects.toThrow("is not fenced");
      await field.call("plasmavmc.v1.HostService/FenceHost", { id: "one" });
      await field.call("plasmavmc.v1.HostService/EvacuateHost", { id: "one" });
      await runs(rebuilt, "local");
      await untilSaid(files("local", rebuilt).consoleLog, tick);
      const left = await alice.until("Vm", waiting, ({ state }) => state === "VM_STATE_FAILED");
      expect(left).toMatchObject({ hostId: "one", stateReason: expect.stringContaining("was given up") });
      for (const vm of [rebuilt, waiting]) await alice.remove("Vm", vm);
      expect(machinesOn("local")).toEqual([]);
    },
    longMs,
  );
});
