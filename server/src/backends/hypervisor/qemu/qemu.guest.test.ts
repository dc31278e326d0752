// Real guests: what every hypervisor driver must do, and what only one that runs processes can get wrong.

import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { tinyImage } from "../../../../../scripts/images/tiny.ts";
import { systemClock } from "../../../clock.ts";
import { hypervisorContract, sampleMachine, untilMachine } from "../contract.ts";
import { openQemu, type QemuHypervisor, qemuMissing } from "./index.ts";
import { machineFiles } from "./layout.ts";

const missing = qemuMissing();
const root = mkdtempSync(join(tmpdir(), "pq-"));
chmodSync(root, 0o711);
let hosts = 0;
const newHost = () => ({ data: join(root, `data${++hosts}`), run: join(root, `r${hosts}`) });
const image = { imageId: "tiny", format: "qcow2", architecture: "x86_64" } as const;
/** Guests are emulated where there is no usable KVM: they boot in seconds, and in many of them on a busy host. */
const patienceMs = 180_000;
jest.setTimeout(2 * patienceMs);
const { signal } = new AbortController();

async function openHost(folders = newHost()): Promise<QemuHypervisor> {
  const builtInImages = new Map([["tiny", tinyImage(".photon/images")]]);
  const driver = await openQemu({ folders, builtInImages });
  await driver.ensureImage(image, signal);
  return driver;
}

if (missing !== undefined) describe.skip(`QEMU (${missing})`, () => test("runs guests", () => undefined));
else {
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  hypervisorContract({
    name: "qemu",
    open: () => openHost(),
    openStubborn: () => openHost(),
    // Without a system on its disk it sits in its BIOS, which knows no power button.
    stubborn: (vmId) => {
      const { imageId: _, ...empty } = sampleMachine(vmId, "");
      return empty;
    },
    image,
    patienceMs,
  });

  describe("a machine's process", () => {
    let folders: ReturnType<typeof newHost>;
    let driver: QemuHypervisor;
    beforeAll(async () => {
      folders = newHost();
      driver = await openHost(folders);
    });
    afterEach(async () => {
      for (const vmId of (await driver.inventory()).machines) await driver.remove(vmId, signal);
    });
    afterAll(() => driver.close());
    const pidOf = (vmId: string): number =>
      JSON.parse(readFileSync(machineFiles(folders, vmId).running, "utf8")).process.pid;
    const run = async (vmId: string) => {
      await driver.define(sampleMachine(vmId, image.imageId), signal);
      await driver.start(vmId, signal);
      await untilMachine(driver, vmId, "running", patienceMs);
    };

    test("has a user of its own, no capability and a filter of system calls", async () => {
      await run("vm-walls");
      const status = readFileSync(`/proc/${pidOf("vm-walls")}/status`, "utf8");
      expect(status).toMatch(/^CapEff:\s0{16}$/m);
      expect(status).toMatch(/^NoNewPrivs:\s1$/m);
      expect(status).toMatch(/^Seccomp:\s2$/m);
      expect(/^Uid:\s(\d+)/m.exec(status)?.[1]).not.toBe(String(process.getuid?.()));
    });

    test("outlives the driver, which finds it again", async () => {
      await run("vm-found");
      const pid = pidOf("vm-found");
      await driver.close();
      driver = await openHost(folders);
      expect(pidOf("vm-found")).toBe(pid);
      expect(await driver.state("vm-found")).toEqual({ state: "running", needsRestart: false });
    });

    test("that is killed shows as failed at once, and starts again", async () => {
      await run("vm-killed");
      process.kill(pidOf("vm-killed"), "SIGKILL");
      const failed = await untilMachine(driver, "vm-killed", "failed", patienceMs);
      expect(failed).toEqual({ state: "failed", reason: "its process died: QEMU ended without a word" });
      expect(existsSync(machineFiles(folders, "vm-killed").running)).toBe(false);
      await driver.start("vm-killed", signal);
      await untilMachine(driver, "vm-killed", "running", patienceMs);
    });

    test("that was killed while nobody watched shows as failed", async () => {
      await run("vm-unwatched");
      const pid = pidOf("vm-unwatched");
      await driver.close();
      process.kill(pid, "SIGKILL");
      driver = await openHost(folders);
      expect(await driver.state("vm-unwatched")).toMatchObject({ state: "failed" });
    });

    test("takes disks while it runs, and lets them grow", async () => {
      await run("vm-hot");
      const says = (words: RegExp) => untilConsole(machineFiles(folders, "vm-hot").consoleLog, words);
      await says(/READY/);
      const disks = [
        { id: "root", sizeGib: 2 },
        { id: "data", sizeGib: 1 },
      ];
      await driver.define({ ...sampleMachine("vm-hot", image.imageId), disks }, signal);
      expect(await driver.state("vm-hot")).toEqual({ state: "running", needsRestart: false });
      await says(/disks=vda:4194304,vdb:2048,vdc:2097152,/);
    });
  });
}

/** Waits until a guest's console has said it. */
async function untilConsole(file: string, words: RegExp): Promise<void> {
  const deadline = Date.now() + patienceMs;
  const said = () => readFileSync(file, "utf8");
  while (!words.test(said()) && Date.now() < deadline) await systemClock.sleep(100, signal);
  expect(said()).toMatch(words);
}
