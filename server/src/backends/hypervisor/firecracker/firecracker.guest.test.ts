// What every hypervisor driver must do, and what only one that starts a process a machine can get wrong. A stand-in takes Firecracker's place: it holds
// the driver to the published API, and no guest runs in it.
import {
  chmodSync,
  createReadStream,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { systemClock } from "../../../clock.ts";
import { hypervisorContract, sampleMachine, untilMachine } from "../contract.ts";
import type { MachineSpec } from "../driver.ts";
import { defaultArguments, type FirecrackerHypervisor, firecrackerMissing, openFirecracker } from "./index.ts";
import { microvmFiles } from "./layout.ts";
import { installStandIn } from "./testing/stand-in.ts";

const root = mkdtempSync(join(tmpdir(), "pf-"));
chmodSync(root, 0o711);
const program = installStandIn(join(root, "bin"));
const accelerator = { name: "kvm", why: "nothing runs in a stand-in" } as const;
const missing = await firecrackerMissing({ program, accelerator });
const image = { imageId: "tiny", format: "raw", architecture: "x86_64" } as const;
const kernel = join(root, "vmlinux");
const imageFile = join(root, "tiny.raw");
writeFileSync(kernel, "");
writeFileSync(imageFile, Buffer.alloc(4096, "image"));
const patienceMs = 20_000;
const { signal } = new AbortController();
let hosts = 0;
const newHost = () => ({ data: join(root, `data${++hosts}`), run: join(root, `r${hosts}`) });

async function openHost(folders = newHost(), more = ""): Promise<FirecrackerHypervisor> {
  const driver = await openFirecracker({
    folders,
    program,
    accelerator,
    builtInImages: new Map([["tiny", imageFile]]),
    kernel: { image: kernel, arguments: `${defaultArguments} ${more}` },
  });
  await driver.ensureImage(image, signal);
  return driver;
}

if (missing !== undefined) describe.skip(`Firecracker's stand-in (${missing})`, () => test("runs", () => undefined));
else {
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  hypervisorContract({
    name: "firecracker",
    open: () => openHost(),
    openStubborn: () => openHost(newHost(), "deaf"),
    image,
    patienceMs,
  });

  describe("a microVM's process", () => {
    let folders: ReturnType<typeof newHost>;
    let driver: FirecrackerHypervisor;
    beforeAll(async () => {
      folders = newHost();
      driver = await openHost(folders);
    });
    afterEach(async () => {
      for (const vmId of (await driver.inventory()).machines) await driver.remove(vmId, signal);
    });
    afterAll(() => driver.close());
    const pidOf = (vmId: string): number =>
      JSON.parse(readFileSync(microvmFiles(folders, vmId).running, "utf8")).process.pid;
    const run = async (vmId: string, change: Partial<MachineSpec> = {}) => {
      const spec = { ...sampleMachine(vmId, image.imageId), ...change };
      await driver.define(spec, signal);
      await driver.start(vmId, signal);
      await untilMachine(driver, vmId, "running", patienceMs);
      return spec;
    };
    const says = (vmId: string, words: RegExp) => untilConsole(microvmFiles(folders, vmId).consoleLog, words);

    test("has a user of its own, no capability, and nothing of our environment", async () => {
      await run("vm-walls");
      const status = readFileSync(`/proc/${pidOf("vm-walls")}/status`, "utf8");
      expect(status).toMatch(/^NoNewPrivs:\s1$/m);
      expect(status).toMatch(/^CapEff:\s0{16}$/m);
      expect(/^Uid:\s(\d+)/m.exec(status)?.[1]).not.toBe(String(process.getuid?.()));
      const environment = readFileSync(`/proc/${pidOf("vm-walls")}/environ`, "utf8");
      expect(environment).not.toContain("HOME=");
    });

    test("is given what the machine is made of, its first disk with the image's bytes", async () => {
      await run("vm-made", { cpu: 2, memoryMib: 256 });
      await says("vm-made", /cpu=2 memory=256\n.*console=ttyS0.*\nnics=\ndisks=2097152,\d+\nREADY/);
      const disk = microvmFiles(folders, "vm-made").disk("root");
      const [start = new Uint8Array()] = await Array.fromAsync(createReadStream(disk, { end: 9 }));
      expect(Buffer.from(start).toString()).toBe("imageimage");
      expect(statSync(disk).blocks).toBeLessThan(1000);
    });

    test("outlives the driver, which finds it again", async () => {
      await run("vm-found");
      const pid = pidOf("vm-found");
      await driver.close();
      driver = await openHost(folders);
      expect(pidOf("vm-found")).toBe(pid);
      expect(await driver.state("vm-found")).toEqual({ state: "running", needsRestart: false });
      await driver.stop("vm-found", { graceMs: patienceMs }, signal);
      await untilMachine(driver, "vm-found", "stopped", patienceMs);
    });

    test("that is killed shows as failed at once, and starts again", async () => {
      await run("vm-killed");
      process.kill(pidOf("vm-killed"), "SIGKILL");
      const failed = await untilMachine(driver, "vm-killed", "failed", patienceMs);
      expect(failed).toEqual({ state: "failed", reason: "its process died: Firecracker ended without a word" });
      expect(existsSync(microvmFiles(folders, "vm-killed").running)).toBe(false);
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

    test("that was being started when its driver ended is started again", async () => {
      const { running } = microvmFiles(folders, "vm-half");
      await run("vm-half");
      const [pid, record] = [pidOf("vm-half"), readFileSync(running, "utf8")];
      await driver.close();
      process.kill(pid, "SIGKILL");
      // What is left of such a start: a process that was never told what it is.
      const half = await startHalf("vm-half", record);
      driver = await openHost(folders);
      await untilMachine(driver, "vm-half", "running", patienceMs);
      expect(pidOf("vm-half")).not.toBe(half);
    });

    test("a guest that shuts down by itself is stopped; a Firecracker that breaks is failed, with its words", async () => {
      const broken = await openHost(newHost(), "break");
      await broken.define(sampleMachine("vm-broken", image.imageId), signal);
      await broken.start("vm-broken", signal);
      expect(await untilMachine(broken, "vm-broken", "failed", patienceMs)).toEqual({
        state: "failed",
        reason: expect.stringMatching(/^its process died: Firecracker said: .*exiting with error\. exit_code=1$/),
      });
      await broken.remove("vm-broken", signal);
      await broken.close();
      const leaving = await openHost(newHost(), "leave");
      await leaving.define(sampleMachine("vm-leaving", image.imageId), signal);
      await leaving.start("vm-leaving", signal);
      await untilMachine(leaving, "vm-leaving", "running", patienceMs);
      await untilMachine(leaving, "vm-leaving", "stopped", patienceMs);
      await leaving.remove("vm-leaving", signal);
      await leaving.close();
    });

    test("sees a disk grow while it runs; another disk waits for a restart", async () => {
      const spec = await run("vm-grown");
      const grown = { ...spec, disks: [{ id: "root", sizeGib: 2 }] };
      await driver.define(grown, signal);
      expect(await driver.state("vm-grown")).toEqual({ state: "running", needsRestart: false });
      await says("vm-grown", /disks=4194304,\d+/);
      await driver.define({ ...spec, disks: [...grown.disks, { id: "data", sizeGib: 1 }] }, signal);
      expect(await driver.state("vm-grown")).toEqual({ state: "running", needsRestart: true });
      await driver.reset("vm-grown", signal);
      await untilMachine(driver, "vm-grown", "running", patienceMs);
      expect(await driver.state("vm-grown")).toEqual({ state: "running", needsRestart: false });
      await says("vm-grown", /disks=4194304,2097152,\d+/);
    });

    test("a disk that is taken from a running machine and given again is a new one, from the next start on", async () => {
      const disks = [
        { id: "root", sizeGib: 1 },
        { id: "data", sizeGib: 1 },
      ];
      const spec = await run("vm-lost", { disks });
      await driver.define({ ...spec, disks: disks.slice(0, 1) }, signal);
      expect(existsSync(microvmFiles(folders, "vm-lost").disk("data"))).toBe(false);
      await driver.define(
        { ...spec, disks: [disks[0], { id: "data", sizeGib: 2 }].filter((one) => one !== undefined) },
        signal,
      );
      expect(await driver.state("vm-lost")).toEqual({ state: "running", needsRestart: true });
    });

    test("has a serial console that several may open, and no screen", async () => {
      await run("vm-console");
      const opened = [
        await driver.consoles.open("vm-console", "serial", signal),
        await driver.consoles.open("vm-console", "serial", signal),
      ];
      const [heard, alsoHeard] = opened.map((terminal) => textOf(terminal));
      opened[0]?.write("hello\n");
      await says("vm-console", /heard hello/);
      expect(Buffer.from(await driver.consoles.log("vm-console", 12, signal)).toString()).toBe("heard hello\n");
      await expect(driver.consoles.open("vm-console", "vnc", signal)).rejects.toMatchObject({ reason: "refused" });
      await driver.stop("vm-console", { graceMs: 0 }, signal);
      expect(await heard).toBe("heard hello\n");
      expect(await alsoHeard).toBe("heard hello\n");
      await untilMachine(driver, "vm-console", "stopped", patienceMs);
      await expect(driver.consoles.open("vm-console", "serial", signal)).rejects.toMatchObject({ reason: "missing" });
    });

    test("tells what its disks did since it was started, also to a driver that came later", async () => {
      await run("vm-used");
      const used = async () => (await driver.statistics("vm-used", signal))?.disks;
      const before = { id: "root", readBytes: 1024, readOperations: 2, writtenBytes: 0, writeOperations: 0 };
      expect(await used()).toEqual([before]);
      const terminal = await driver.consoles.open("vm-used", "serial", signal);
      terminal.end("write\n");
      await says("vm-used", /heard write/);
      expect(await used()).toEqual([{ ...before, writtenBytes: 512, writeOperations: 1 }]);
      terminal.destroy();
      await driver.close();
      driver = await openHost(folders);
      expect(await used()).toEqual([{ ...before, writtenBytes: 512, writeOperations: 1 }]);
    });

    test("what Firecracker refuses is the reason, without a path of the host", async () => {
      await driver.define(sampleMachine("vm-refused", image.imageId), signal);
      rmSync(microvmFiles(folders, "vm-refused").disk("root"));
      await driver.start("vm-refused", signal);
      const failed = await untilMachine(driver, "vm-refused", "failed", patienceMs);
      expect(failed).toMatchObject({ reason: expect.not.stringContaining(root) });
    });

    async function startHalf(vmId: string, record: string): Promise<number> {
      const { startProcess, identityOf } = await import("../qemu/process.ts");
      const { processArguments } = await import("./boot.ts");
      const files = microvmFiles(folders, vmId);
      rmSync(files.api, { force: true });
      const place = { uid: undefined, namespace: undefined };
      const pid = await startProcess(program, processArguments(vmId, files), place, files.errors);
      writeFileSync(files.running, JSON.stringify({ ...JSON.parse(record), booted: false, process: identityOf(pid) }));
      return pid;
    }
  });
}

async function textOf(bytes: AsyncIterable<unknown>): Promise<string> {
  let text = "";
  for await (const chunk of bytes) text += String(chunk);
  return text;
}

/** Waits until a guest's console has said it. */
async function untilConsole(file: string, words: RegExp): Promise<void> {
  const deadline = Date.now() + patienceMs;
  const said = () => readFileSync(file, "utf8");
  while (!words.test(said()) && Date.now() < deadline) await systemClock.sleep(20, signal);
  expect(said()).toMatch(words);
}
