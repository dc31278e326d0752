// Exports of disks: whole, by whoever reads them at their own pace, and gone with them. No guest need boot for it.
import { mkdirSync, readdirSync, readlinkSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { FilePart } from "../driver.ts";
import { qemuMissing } from "./index.ts";
import { run } from "./programs.ts";
import { patienceMs, signal, TestHost, until } from "./testing/host.ts";

const missing = process.getuid?.() === 0 ? qemuMissing() : "it needs root";
jest.setTimeout(patienceMs);
const mib = 1024 ** 2;

if (missing !== undefined) describe.skip(`exports from QEMU (${missing})`, () => test("are whole", () => undefined));
else
  describe("exports from QEMU", () => {
    const host = new TestHost();
    beforeAll(async () => {
      mkdirSync(host.folders.data, { mode: 0o711 });
      // What a full disk is tried on.
      await run("mount", ["-t", "tmpfs", "-o", "size=200m,mode=711", "tmpfs", host.folders.data], signal);
      await host.open();
    });
    afterEach(async () => {
      await host.removeMachines();
      await until("the copies are gone", async () => held().length === 0);
      expect(host.leaks()).toEqual([]);
    });
    afterAll(async () => {
      await host.driver.close();
      await run("umount", [host.folders.data], signal);
      rmSync(host.root, { recursive: true, force: true });
    });

    const disk = (vmId: string) => host.files(vmId).disk("root");
    const write = (vmId: string, sizeMib: number) =>
      run("qemu-io", ["-f", "qcow2", "-c", `write -P 5 900M ${sizeMib}M`, disk(vmId)], signal);
    const start = (vmId: string, more: { readonly snapshotId?: string; readonly signal?: AbortSignal } = {}) => {
      const { signal: given = signal, ...source } = more;
      return host.driver.export(vmId, { diskId: "root", ...source }, given);
    };

    /** What this process has open of copies that have no name. */
    function held(): readonly string[] {
      const files = readdirSync("/proc/self/fd").map((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`);
        } catch {
          // It was closed just now, as the one is that the folder was read by.
          return "";
        }
      });
      return files.filter((file) => file.includes("/export-"));
    }

    test.each(["qcow2", "raw"] as const)("are the disk that the guest sees, as %s", async (format) => {
      await host.define("vm-a");
      await write("vm-a", 4);
      const file = join(host.root, `vm-a.${format}`);
      await host.exportTo(file, "vm-a", { diskId: "root", format });
      const compared = await run("qemu-img", ["compare", "-f", "qcow2", "-F", format, disk("vm-a"), file], signal);
      expect(compared).toContain("Images are identical");
      expect(await run("qemu-img", ["info", "-f", format, file], signal)).not.toContain("backing");
      rmSync(file);
    });

    test("say how large the file is, and of its holes how long they are", async () => {
      await host.define("vm-b", { disks: [{ id: "root", sizeGib: 2 }] });
      const { sizeBytes, parts } = await host.driver.export("vm-b", { diskId: "root", format: "raw" }, signal);
      expect(sizeBytes).toBe(2 * 1024 * mib);
      const all: FilePart[] = [];
      for await (const part of parts) all.push(part);
      expect(all.reduce((sum, part) => sum + (part instanceof Uint8Array ? part.length : part.zeros), 0)).toBe(
        sizeBytes,
      );
      expect(all.filter((part) => !(part instanceof Uint8Array)).length).toBeGreaterThan(0);
    });

    test("are made one after the other of a machine, and read while it runs", async () => {
      await host.define("vm-c");
      const { parts } = await start("vm-c");
      await expect(start("vm-c")).rejects.toMatchObject({ reason: "in_use" });
      expect(readdirSync(host.files("vm-c").folder).filter((name) => name.includes("export"))).toEqual([]);
      await host.run("vm-c");
      let read = 0;
      for await (const part of parts) read += part instanceof Uint8Array ? part.length : part.zeros;
      expect(read).toBeGreaterThan(mib);
      await expect(start("vm-c")).rejects.toMatchObject({ reason: "refused" });
      await host.driver.snapshots.take("vm-c", "snap-1", signal);
      await (await start("vm-c", { snapshotId: "snap-1" })).parts[Symbol.asyncIterator]().next();
    });

    test("give way to a machine that is started, and are copied anew once it is off", async () => {
      await host.define("vm-d");
      const exporting = start("vm-d");
      await host.driver.start("vm-d", signal);
      await expect(exporting).rejects.toMatchObject({
        reason: "refused",
        message: expect.stringContaining("was started"),
      });
      await until("vm-d runs", async () => (await host.driver.state("vm-d"))?.state === "running");
      await host.stop("vm-d");
      await start("vm-d");
    });

    test("end with their machine, whether it is being copied or read", async () => {
      await host.define("vm-e");
      const copying = start("vm-e");
      await Promise.all([
        expect(copying).rejects.toMatchObject({ message: expect.stringContaining("was removed") }),
        host.driver.remove("vm-e", signal),
      ]);
      await host.define("vm-e");
      await write("vm-e", 8);
      const { parts } = await start("vm-e");
      const read = parts[Symbol.asyncIterator]();
      await read.next();
      await host.driver.remove("vm-e", signal);
      await expect(
        (async () => {
          while ((await read.next()).done !== true);
        })(),
      ).rejects.toThrow();
    });

    test("end with whoever asked for them", async () => {
      await host.define("vm-f");
      await write("vm-f", 8);
      const [before, later] = [new AbortController(), new AbortController()];
      const copying = start("vm-f", { signal: before.signal });
      before.abort();
      await expect(copying).rejects.toThrow();
      const { parts } = await start("vm-f", { signal: later.signal });
      await parts[Symbol.asyncIterator]().next();
      expect(held()).toHaveLength(1);
      later.abort();
    });

    test("are refused where the host has no room for the copy", async () => {
      await host.define("vm-g");
      await write("vm-g", 90);
      const before = statSync(disk("vm-g")).blocks;
      await expect(start("vm-g")).rejects.toMatchObject({ reason: "unavailable", status: "NoRoom" });
      expect(statSync(disk("vm-g")).blocks).toBe(before);
    });

    test("tell what there is none of", async () => {
      await host.define("vm-h");
      const none = { reason: "missing" };
      await expect(start("vm-none")).rejects.toMatchObject(none);
      await expect(start("vm-h", { snapshotId: "snap-9" })).rejects.toMatchObject(none);
      await expect(host.driver.export("vm-h", { diskId: "other" }, signal)).rejects.toMatchObject(none);
    });
  });
