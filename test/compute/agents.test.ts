// Machines of hosts that the server reaches through their agents: everything as processes of its own, over mutual TLS.
import { copyFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type AgentHost, Field, type Photon, until } from "./agents.ts";

const longMs = 300_000;
/** Each goes on where the one before it ended. */
const steps: [string, () => Promise<void>][] = [];

let field: Field;
let one: AgentHost;
let two: AgentHost;
let agentOne: Photon;
beforeAll(async () => {
  field = new Field();
  await field.startServer();
  await field.call("iam.v1.OrgService/CreateOrg", { id: "acme" });
  await field.call("iam.v1.ProjectService/CreateProject", { orgId: "acme", id: "alpha" });
  [one, two] = [await field.newHost("one"), await field.newHost("two")];
}, longMs);
afterAll(() => field.stop());

steps.push([
  "the server's own machine is one",
  async () => {
    const host = await field.hostIs("local", "READY");
    expect(host).toMatchObject({ schedulable: true, drivers: ["simulated"] });
    await expect(field.call("plasmavmc.v1.HostService/FenceHost", { id: "local" })).rejects.toThrow(
      "the server itself",
    );
  },
]);

steps.push([
  "a machine joins with a token, once, and keeps its key to itself",
  async () => {
    const token = await field.drawToken();
    expect(await field.join(one, "phj_made-up")).toEqual([1, expect.stringContaining("the token is not one")]);
    expect(await field.join(one, token)).toEqual([0, expect.stringContaining("this machine is the host one")]);
    expect(statSync(join(one.dataDir, "agent.json")).mode & 0o777).toBe(0o600);
    expect(await field.join(two, token)).toEqual([1, expect.stringContaining("was used before")]);
    expect(await field.join(two, await field.drawToken())).toEqual([0, expect.anything()]);
    expect(await field.join({ ...two, name: "one" }, await field.drawToken())).toEqual([
      1,
      expect.stringContaining("there is a host one already"),
    ]);
    expect(await field.host("one")).toMatchObject({ state: "HOST_STATE_JOINING", address: one.address });
  },
]);

steps.push([
  "a machine runs on each",
  async () => {
    agentOne = await field.runAgent(one);
    await field.runAgent(two);
    const host = await field.hostIs("one", "READY");
    expect(host).toMatchObject({ drivers: ["simulated"], capacity: { cpu: expect.any(Number) } });
    await field.hostIs("two", "READY");
    await field.schedulable("local", false);
    const first = await field.createVm("first");
    expect(await field.vmIs(first, "RUNNING")).toMatchObject({ hostId: "one" });
    await field.schedulable("one", false);
    const second = await field.createVm("second");
    expect(await field.vmIs(second, "RUNNING")).toMatchObject({ hostId: "two" });
  },
]);

steps.push([
  "a machine moves to the server's own host and back, and a drain empties that",
  async () => {
    const { vms } = await field.call("plasmavmc.v1.VmService/ListVms", { orgId: "acme", projectId: "alpha" });
    const [{ id = "" } = {}] = Array.isArray(vms) ? vms.filter(({ name }) => name === "first") : [];
    await field.schedulable("local", true);
    const here = { hostId: "local", state: "VM_STATE_RUNNING", move: { phase: "VM_MOVE_PHASE_DONE" } };
    expect(await field.migrate(id, "local")).toMatchObject(here);
    await field.schedulable("one", true);
    expect(await field.migrate(id, "one")).toMatchObject({ ...here, hostId: "one" });
    // A host takes machines as soon as it was told to.
    for (const hostId of ["local", "one", "local", "one", "local"]) {
      await field.schedulable(hostId, false);
      await field.schedulable(hostId, true);
      expect(await field.migrate(id, hostId)).toMatchObject({ ...here, hostId });
    }
    await field.call("plasmavmc.v1.HostService/DrainHost", { id: "local" });
    await until("the own host is empty", async () => (await field.vm(id)).hostId === "one");
    expect(await field.vmIs(id, "RUNNING")).toMatchObject({ hostId: "one" });
    await field.call("plasmavmc.v1.HostService/AbortDrain", { id: "local" });
    await field.schedulable("local", false);
    await field.schedulable("one", false);
  },
]);

steps.push([
  "an agent that is killed and started again is found again, and what it forgot is made again",
  async () => {
    const { vms } = await field.call("plasmavmc.v1.VmService/ListVms", { orgId: "acme", projectId: "alpha" });
    const [{ id = "" } = {}] = Array.isArray(vms) ? vms.filter(({ name }) => name === "first") : [];
    await agentOne.kill();
    expect(await field.hostIs("one", "SILENT")).toMatchObject({
      stateReason: expect.stringContaining("ECONNREFUSED"),
    });
    const vm = await field.vmIs(id, "UNKNOWN");
    expect(vm).toMatchObject({ hostId: "one", stateReason: expect.stringContaining("host one") });
    agentOne = await field.runAgent(one);
    await field.hostIs("one", "READY");
    expect(await field.vmIs(id, "RUNNING")).toMatchObject({ hostId: "one" });
  },
]);

steps.push([
  "a server that is killed and started again finds its hosts",
  async () => {
    await field.server?.kill();
    await field.startServer();
    await field.schedulable("one", true);
    await field.hostIs("one", "READY");
    const third = await field.createVm("third");
    expect(await field.vmIs(third, "RUNNING")).toMatchObject({ hostId: "one" });
  },
]);

steps.push([
  "another host's certificate is not believed",
  async () => {
    const file = join(one.dataDir, "agent.json");
    await agentOne.kill();
    copyFileSync(file, `${file}.kept`);
    const stolen = JSON.parse(readFileSync(join(two.dataDir, "agent.json"), "utf8"));
    writeFileSync(file, JSON.stringify({ ...stolen, listen: one.address }));
    const impostor = await field.runAgent(one);
    expect(await field.hostIs("one", "SILENT")).toMatchObject({
      stateReason: expect.stringContaining("two.host.photoncloud.internal"),
    });
    await impostor.kill();
    copyFileSync(`${file}.kept`, file);
  },
]);

steps.push([
  "a fenced host's certificate is worth nothing, and it comes back by joining anew",
  async () => {
    await field.call("plasmavmc.v1.HostService/FenceHost", { id: "one" });
    const before = await field.runAgent(one);
    expect(await field.hostIs("one", "FENCED")).toMatchObject({ schedulable: true });
    await before.kill();
    expect(await field.join(one, await field.drawToken())).toEqual([0, expect.anything()]);
    await field.runAgent(one);
    await field.hostIs("one", "READY");
  },
]);

test(
  "hosts join, run machines, fall silent, come back, and are fenced",
  async () => {
    for (const [what, step] of steps)
      await step().catch((cause: unknown) => {
        throw new Error(`${what}: ${cause instanceof Error ? cause.message : cause}`, { cause });
      });
  },
  6 * longMs,
);
