// What every hypervisor driver must do, as Jest tests for any of them. Call `hypervisorContract` at the top of a test file.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { DriverError, type DriverReason } from "../driver-error.ts";
import type { ExportedDisk, HypervisorDriver, ImageSource, MachineSpec, MachineState } from "./driver.ts";

export interface HypervisorContract {
  /** Names the tests: "simulated", "qemu". */
  readonly name: string;
  /** A driver on a host without machines. Its guests obey a shutdown. */
  readonly open: () => Promise<HypervisorDriver>;
  /** As `open`, but guests ignore being asked to shut down. Left out: such a guest can't be had, and its test is not registered. */
  readonly openStubborn?: () => Promise<HypervisorDriver>;
  /** The machine whose guest does. Default: any. */
  readonly stubborn?: (vmId: string) => MachineSpec;
  /** An image that boots. */
  readonly image: ImageSource;
  /** How long a guest may take to boot or to shut down, in milliseconds. Default 5,000. */
  readonly patienceMs?: number;
}

/** A small machine. */
export function sampleMachine(vmId: string, imageId: string): MachineSpec {
  return {
    vmId,
    owner: "acme/alpha",
    hostname: vmId,
    cpu: 1,
    memoryMib: 128,
    architecture: "x86_64",
    imageId,
    disks: [{ id: "root", sizeGib: 1 }],
    nics: [],
  };
}

/** Resolves when the machine is in the state; looks again whenever the driver tells of a change. @throws Error after `withinMs`. */
export async function untilMachine(
  driver: HypervisorDriver,
  vmId: string,
  wanted: MachineState["state"],
  withinMs: number,
): Promise<MachineState> {
  const deadline = AbortSignal.timeout(withinMs);
  for (;;) {
    const changed = Promise.withResolvers<void>();
    const stop = driver.onChange((machine) => machine.vmId === vmId && changed.resolve());
    deadline.addEventListener("abort", () => changed.resolve(), { once: true });
    const now = await driver.state(vmId, new AbortController().signal);
    if (now?.state !== wanted && !deadline.aborted) await changed.promise;
    stop();
    if (now?.state === wanted) return now;
    if (deadline.aborted) throw new Error(`after ${withinMs} ms ${vmId} is ${JSON.stringify(now)}, not ${wanted}`);
  }
}

/** Registers the tests. */
export function hypervisorContract(contract: HypervisorContract): void {
  const { image, patienceMs = 5_000 } = contract;
  const { signal } = new AbortController();
  const until = (driver: HypervisorDriver, vmId: string, wanted: MachineState["state"]) =>
    untilMachine(driver, vmId, wanted, patienceMs);
  const graceMs = patienceMs * 2;

  describe(`the hypervisor driver ${contract.name}`, () => {
    let driver: HypervisorDriver;
    beforeAll(async () => {
      driver = await contract.open();
      await driver.ensureImage(image, signal);
    });
    afterEach(async () => {
      for (const vmId of (await driver.inventory(signal)).machines) await driver.remove(vmId, signal);
    });
    afterAll(() => driver.close());
    const define = async (vmId: string, change: Partial<MachineSpec> = {}) => {
      const spec = { ...sampleMachine(vmId, image.imageId), ...change };
      await driver.define(spec, signal);
      return spec;
    };
    const run = async (vmId: string, change: Partial<MachineSpec> = {}) => {
      const spec = await define(vmId, change);
      await driver.start(vmId, signal);
      await until(driver, vmId, "running");
      return spec;
    };

    test("defines a machine once, stopped, and forgets it when it is removed, however often", async () => {
      await define("vm-twice");
      await define("vm-twice");
      expect((await driver.inventory(signal)).machines.filter((id) => id === "vm-twice")).toHaveLength(1);
      expect(await driver.state("vm-twice", signal)).toEqual({ state: "stopped" });
      await driver.remove("vm-twice", signal);
      await driver.remove("vm-twice", signal);
      expect(await driver.state("vm-twice", signal)).toBeUndefined();
      expect((await driver.inventory(signal)).machines).not.toContain("vm-twice");
    });

    test("starts and shuts down, and is left alone when it is asked again", async () => {
      await run("vm-life");
      await driver.start("vm-life", signal);
      expect(await driver.state("vm-life", signal)).toEqual({ state: "running", needsRestart: false });
      await driver.stop("vm-life", { graceMs }, signal);
      await until(driver, "vm-life", "stopped");
      await driver.stop("vm-life", { graceMs }, signal);
      expect(await driver.state("vm-life", signal)).toEqual({ state: "stopped" });
      await driver.start("vm-life", signal);
      await until(driver, "vm-life", "running");
    });

    test("resets a machine that runs, and tells what it uses", async () => {
      await refused(driver.reset("vm-nowhere", signal), "missing");
      await define("vm-reset");
      await refused(driver.reset("vm-reset", signal), "missing");
      expect(await driver.statistics("vm-reset", signal)).toBeUndefined();
      await driver.start("vm-reset", signal);
      await until(driver, "vm-reset", "running");
      await driver.reset("vm-reset", signal);
      await until(driver, "vm-reset", "running");
      const used = await driver.statistics("vm-reset", signal);
      expect(used?.disks).toMatchObject([{ id: "root" }]);
      expect(used?.memoryBytes).toBeGreaterThan(1024 ** 2);
    });

    test("pulls the plug when there is no grace", async () => {
      await run("vm-plug");
      await driver.stop("vm-plug", { graceMs: 0 }, signal);
      await until(driver, "vm-plug", "stopped");
    });

    test("removes a running machine", async () => {
      await run("vm-removed");
      await driver.remove("vm-removed", signal);
      expect(await driver.state("vm-removed", signal)).toBeUndefined();
    });

    test("says that a changed machine needs a restart, until it had one", async () => {
      const spec = await run("vm-changed", { memoryMib: 192 });
      await driver.define({ ...spec, memoryMib: 128 }, signal);
      expect(await driver.state("vm-changed", signal)).toEqual({ state: "running", needsRestart: true });
      await driver.stop("vm-changed", { graceMs: 0 }, signal);
      await until(driver, "vm-changed", "stopped");
      await driver.start("vm-changed", signal);
      expect(await until(driver, "vm-changed", "running")).toEqual({ state: "running", needsRestart: false });
    });

    test("grows a disk and refuses to shrink it", async () => {
      const grown = { disks: [{ id: "root", sizeGib: 2 }] };
      await define("vm-disk");
      await define("vm-disk", grown);
      await refused(define("vm-disk"), "refused");
      await define("vm-disk", grown);
    });

    test("refuses what is not there, and to remove an image that a machine stands on", async () => {
      await refused(define("vm-no-image", { imageId: "image-nowhere" }), "missing");
      await refused(driver.start("vm-nowhere", signal), "missing");
      await driver.stop("vm-nowhere", { graceMs: 0 }, signal);
      expect(await driver.state("vm-nowhere", signal)).toBeUndefined();
      await define("vm-image");
      await refused(driver.removeImage(image.imageId, signal), "in_use");
      await driver.removeImage("image-nowhere", signal);
    });

    test("takes snapshots once, puts stopped machines back to them, and copies them", async () => {
      const { snapshots } = driver;
      // A backend that has none says so by their absence.
      if (snapshots === undefined) return;
      await refused(snapshots.take("vm-nowhere", "snap-1", signal), "missing");
      await define("vm-source");
      await snapshots.take("vm-source", "snap-1", signal);
      await snapshots.take("vm-source", "snap-1", signal);
      await snapshots.take("vm-source", "snap-2", signal);
      expect(await snapshots.list("vm-source", signal)).toEqual(["snap-1", "snap-2"]);
      await refused(snapshots.restore("vm-source", "snap-nowhere", signal), "missing");
      await snapshots.restore("vm-source", "snap-1", signal);
      const { imageId: _, ...empty } = sampleMachine("vm-copy", image.imageId);
      const copyOf = { vmId: "vm-source", snapshotId: "snap-2" };
      await refused(driver.define({ ...empty, copyOf: { ...copyOf, snapshotId: "nowhere" } }, signal), "missing");
      await driver.define({ ...empty, copyOf }, signal);
      expect(await driver.state("vm-copy", signal)).toEqual({ state: "stopped" });
      await snapshots.remove("vm-source", "snap-2", signal);
      await snapshots.remove("vm-source", "snap-2", signal);
      await snapshots.remove("vm-nowhere", "snap-2", signal);
      expect(await snapshots.list("vm-source", signal)).toEqual(["snap-1"]);
      // A copy that was made is looked at no more than its disks.
      await driver.define({ ...empty, copyOf }, signal);
    });

    test("takes a snapshot of a running machine, and does not put one back under it", async () => {
      if (driver.snapshots === undefined) return;
      await run("vm-busy");
      await driver.snapshots.take("vm-busy", "snap-1", signal);
      expect(await driver.state("vm-busy", signal)).toEqual({ state: "running", needsRestart: false });
      await refused(driver.snapshots.restore("vm-busy", "snap-1", signal), "refused");
      await driver.stop("vm-busy", { graceMs: 0 }, signal);
      await until(driver, "vm-busy", "stopped");
      await driver.snapshots.restore("vm-busy", "snap-1", signal);
    });

    test("exports the disks of machines that are off, and of snapshots, as whole files", async () => {
      // A backend that can't says so by its absence.
      if (driver.export === undefined) return;
      await refused(driver.export("vm-nowhere", { diskId: "root" }, signal), "missing");
      await define("vm-out");
      await refused(driver.export("vm-out", { diskId: "nowhere" }, signal), "missing");
      await refused(driver.export("vm-out", { diskId: "root", snapshotId: "nowhere" }, signal), "missing");
      expect(await readThrough(await driver.export("vm-out", { diskId: "root", format: "raw" }, signal))).toBe(
        1024 ** 3,
      );
      await readThrough(await driver.export("vm-out", { diskId: "root" }, signal));
      await driver.snapshots?.take("vm-out", "snap-1", signal);
      const snapshotId = driver.snapshots && "snap-1";
      await readThrough(await driver.export("vm-out", { diskId: "root", ...(snapshotId && { snapshotId }) }, signal));
    });

    test("a call with an aborted signal fails and changes nothing", async () => {
      const spec = sampleMachine("vm-aborted", image.imageId);
      await expect(driver.define(spec, AbortSignal.abort())).rejects.toThrow();
      expect(await driver.state("vm-aborted", signal)).toBeUndefined();
    });
  });

  const { openStubborn } = contract;
  if (openStubborn === undefined) return;
  test(`the hypervisor driver ${contract.name} pulls the plug of a guest that ignores being asked, after the grace`, async () => {
    const driver = await openStubborn();
    await driver.ensureImage(image, signal);
    const { stubborn = (vmId: string) => sampleMachine(vmId, image.imageId) } = contract;
    await driver.define(stubborn("vm-stubborn"), signal);
    await driver.start("vm-stubborn", signal);
    await until(driver, "vm-stubborn", "running");
    await driver.stop("vm-stubborn", { graceMs: 50 }, signal);
    expect(await driver.state("vm-stubborn", signal)).toEqual({ state: "stopping" });
    await driver.stop("vm-stubborn", { graceMs }, signal);
    await until(driver, "vm-stubborn", "stopped");
    await driver.remove("vm-stubborn", signal);
    await driver.close();
  });
}

/** Answers how many bytes came. */
async function readThrough({ sizeBytes, parts }: ExportedDisk): Promise<number> {
  let bytes = 0;
  for await (const part of parts) bytes += part instanceof Uint8Array ? part.length : part.zeros;
  expect(bytes).toBe(sizeBytes);
  return bytes;
}

async function refused(work: Promise<unknown>, reason: DriverReason): Promise<void> {
  const error = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(DriverError);
  expect(error).toMatchObject({ reason });
}
