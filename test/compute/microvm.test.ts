// A microVM through the whole cloud, from the API to its process and back. A stand-in takes Firecracker's place: it holds the driver to the
// published API, and its guest says what it was given.
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { startTestCloud, type TestCloud } from "@photoncloud/server/testing";
import { tinyImage, tinyImageMissing } from "../../scripts/images/tiny.ts";
import { simulatedDrivers } from "../../server/src/backends/detect.ts";
import { HypervisorByMachine } from "../../server/src/backends/hypervisor/by-machine.ts";
import {
  defaultArguments,
  firecrackerMissing,
  openFirecracker,
} from "../../server/src/backends/hypervisor/firecracker/index.ts";
import { installStandIn } from "../../server/src/backends/hypervisor/firecracker/testing/stand-in.ts";
import { Hands, type Json } from "../scenarios/calls.ts";

const root = mkdtempSync(join(tmpdir(), "pv-"));
chmodSync(root, 0o711);
afterAll(() => rmSync(root, { recursive: true, force: true }));
const program = installStandIn(join(root, "bin"));
const accelerator = { name: "kvm", why: "nothing runs in a stand-in" } as const;
const missing = (await firecrackerMissing({ program, accelerator })) ?? tinyImageMissing();
const micro: Json = { name: "quick", spec: { cpu: 2, memory: 128, machine: "MACHINE_TYPE_MICROVM", image_id: "tiny" } };

async function cloudWith(microvm: ConstructorParameters<typeof HypervisorByMachine>[0]["microvm"]): Promise<TestCloud> {
  const { network, hypervisor: standard } = simulatedDrivers();
  return startTestCloud({ drivers: { network, hypervisor: new HypervisorByMachine({ standard, microvm }) } });
}

/** Where nothing is executed, any file does for a kernel. */
function openStandIn() {
  const folders = { data: join(root, "d"), run: join(root, "r") };
  const builtInImages = new Map([["tiny", tinyImage(".photon/images")]]);
  const kernel = { image: program, arguments: defaultArguments };
  return openFirecracker({ folders, program, accelerator, builtInImages, kernel });
}

const run = missing === undefined ? describe : describe.skip;
run(`a microVM${missing === undefined ? "" : ` (${missing})`}`, () => {
  test("is made, runs, stops, starts and goes, beside a standard machine", async () => {
    const cloud = await cloudWith(await openStandIn());
    const hands = new Hands(cloud.url, await cloud.tenant("acme", "alpha"));
    const machines = () => readdirSync(join(root, "d", "machines"));
    const standard = await hands.create("Vm", { name: "usual", spec: { cpu: 1 } });
    const { id } = await hands.create("Vm", micro);
    expect(await hands.ready("Vm", id)).toMatchObject({ state: "VM_STATE_RUNNING" });
    await hands.ready("Vm", standard.id);
    expect(machines()).toEqual([id]);
    const consoles = "plasmavmc.v1.ConsoleService";
    const { body } = await hands.call("Vm", "ReadConsoleLog", { vm_id: id }, consoles);
    expect(body.log).toMatch(/cpu=2 memory=128[\s\S]*READY/);
    await hands.must("Vm", "StopVm", { id });
    await hands.until("Vm", id, ({ state }) => state === "VM_STATE_STOPPED");
    await hands.must("Vm", "StartVm", { id });
    await hands.until("Vm", id, ({ state }) => state === "VM_STATE_RUNNING");
    await hands.remove("Vm", id);
    expect(machines()).toEqual([]);
    await cloud.stop();
  });

  test("is refused at its plan and at its creation where none can run, with the reason", async () => {
    const cloud = await cloudWith({ missing: "not installed: firecracker" });
    const hands = new Hands(cloud.url, await cloud.tenant("acme", "alpha"));
    const refused = /spec\.machine: not installed: firecracker; leave it out/;
    for (const [method, body] of [
      ["CreateVm", micro],
      ["PlanVm", { vm: micro }],
    ] as const) {
      const answer = await hands.call("Vm", method, body);
      expect(answer.status).toBe(400);
      expect(answer.body.message).toMatch(refused);
    }
    await cloud.stop();
  });
});
