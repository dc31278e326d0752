// Snapshots, clones and exports of machines that run and that don't. Disks are read and written with qemu-io: a guest need not boot for it.

import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { qemuMissing } from "./index.ts";
import { run } from "./programs.ts";
import { image, patienceMs, signal, TestHost } from "./testing/host.ts";

const missing = qemuMissing();
jest.setTimeout(2 * patienceMs);
const two = [
  { id: "root", sizeGib: 1 },
  { id: "data", sizeGib: 1 },
];

if (missing !== undefined) describe.skip(`snapshots on QEMU (${missing})`, () => test("are taken", () => undefined));
else
  describe("snapshots on QEMU", () => {
    const host = new TestHost();
    beforeAll(() => host.open());
    afterEach(async () => {
      await host.removeMachines();
      expect(host.leaks()).toEqual([]);
    });
    afterAll(() => host.close());

    const io = (file: string, command: string) => run("qemu-io", ["-f", "qcow2", "-c", command, file], signal);
    /** Fills a part of a stopped machine's disk. */
    const write = (vmId: string, disk: string, byte: number) =>
      io(host.files(vmId).disk(disk), `write -P ${byte} 900M 64k`);
    /** @throws DriverError if it holds something else there. */
    const holds = async (file: string, byte: number) =>
      expect(await io(file, `read -P ${byte} 900M 64k`)).not.toContain("verification failed");

    test("hold all disks of a running machine, and put them back in any order", async () => {
      const { snapshots } = host.driver;
      await host.define("vm-a", { disks: two });
      await write("vm-a", "data", 1);
      await host.run("vm-a", { disks: two });
      await snapshots.take("vm-a", "snap-1", signal);
      await snapshots.take("vm-a", "snap-1", signal);
      await expect(snapshots.restore("vm-a", "snap-1", signal)).rejects.toMatchObject({ reason: "refused" });
      await host.stop("vm-a");
      await write("vm-a", "data", 2);
      await snapshots.take("vm-a", "snap-2", signal);
      await write("vm-a", "data", 3);
      expect(await snapshots.list("vm-a", signal)).toEqual(["snap-1", "snap-2"]);
      await snapshots.restore("vm-a", "snap-1", signal);
      await holds(host.files("vm-a").disk("data"), 1);
      await snapshots.remove("vm-a", "snap-1", signal);
      await snapshots.remove("vm-a", "snap-1", signal);
      await snapshots.restore("vm-a", "snap-2", signal);
      await holds(host.files("vm-a").disk("data"), 2);
      await expect(snapshots.restore("vm-a", "snap-1", signal)).rejects.toMatchObject({ reason: "missing" });
      await expect(snapshots.take("vm-nowhere", "snap-1", signal)).rejects.toMatchObject({ reason: "missing" });
    });

    test("survive the driver, let a disk grow, and are removed from a running machine", async () => {
      await host.run("vm-b");
      await host.driver.snapshots.take("vm-b", "snap-1", signal);
      await host.open();
      expect(await host.driver.snapshots.list("vm-b", signal)).toEqual(["snap-1"]);
      await host.define("vm-b", { disks: [{ id: "root", sizeGib: 2 }] });
      expect(await host.driver.state("vm-b")).toEqual({ state: "running", needsRestart: false });
      await host.stop("vm-b");
      await host.driver.snapshots.restore("vm-b", "snap-1", signal);
      // It has the size again that it should have.
      await host.run("vm-b", { disks: [{ id: "root", sizeGib: 2 }] });
      await host.driver.snapshots.remove("vm-b", "snap-1", signal);
      expect(await host.driver.snapshots.list("vm-b", signal)).toEqual([]);
    });

    test("are what clones and exports are made of, while the machine runs", async () => {
      await host.define("vm-c", { disks: two });
      await write("vm-c", "data", 7);
      await host.run("vm-c", { disks: two });
      await host.driver.snapshots.take("vm-c", "snap-1", signal);
      const copyOf = { vmId: "vm-c", snapshotId: "snap-1" };
      await host.define("vm-clone", { disks: two, copyOf });
      await holds(host.files("vm-clone").disk("data"), 7);
      await expect(host.define("vm-none", { copyOf: { vmId: "vm-c", snapshotId: "snap-9" } })).rejects.toMatchObject({
        reason: "missing",
      });
      const file = join(host.root, "export.qcow2");
      await host.exportTo(file, "vm-c", { diskId: "data", snapshotId: "snap-1" });
      await holds(file, 7);
      await expect(host.driver.export("vm-c", { diskId: "data" }, signal)).rejects.toMatchObject({ reason: "refused" });
      // The clone stands on nothing: not on the machine, not on its image.
      await host.driver.remove("vm-c", signal);
      await host.driver.removeImage(image.imageId, signal);
      await host.run("vm-clone", { disks: two, copyOf });
      await host.says("vm-clone", /host=vm-clone /);
      await host.driver.ensureImage(image, signal);
    });

    test("let a stopped machine's disk be exported whole", async () => {
      await host.define("vm-d");
      await write("vm-d", "root", 5);
      const file = join(host.root, "whole.qcow2");
      await host.exportTo(file, "vm-d", { diskId: "root" });
      await holds(file, 5);
      expect(await run("qemu-img", ["info", "-f", "qcow2", file], signal)).not.toContain("backing");
      await expect(host.driver.export("vm-d", { diskId: "other" }, signal)).rejects.toMatchObject({
        reason: "missing",
      });
    });
  });
