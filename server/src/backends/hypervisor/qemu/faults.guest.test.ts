// What goes wrong on a host, each followed by a look for what it left: processes, taps, sockets, folders, control groups.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { tinyImage } from "../../../../../scripts/images/tiny.ts";
import { DriverError } from "../../driver-error.ts";
import type { HostNetwork } from "../../network/host-network.ts";
import { untilMachine } from "../contract.ts";
import { groupOf } from "./host.ts";
import { qemuMissing } from "./index.ts";
import { identityOf } from "./process.ts";
import { run } from "./programs.ts";
import { image, patienceMs, signal, TestHost, until } from "./testing/host.ts";

const missing = process.getuid?.() === 0 ? qemuMissing() : "it needs root";
jest.setTimeout(3 * patienceMs);
const nics = [{ id: "eth0", portId: "port-1", macAddress: "fa:16:3e:00:00:01" }];

/** A network whose ports may be gone. */
class TestNetwork implements HostNetwork {
  readonly hostId = "host-1";
  readonly namespace = `pf${process.pid}`;
  readonly ports = new Set(["port-1"]);
  readonly #plugged = new Map<string, string>();
  async plug({ name, portId }: { readonly name: string; readonly portId: string }): Promise<void> {
    if (!this.ports.has(portId)) throw new DriverError("missing", `there is no port ${portId}`);
    this.#plugged.set(name, portId);
  }
  async unplug(name: string): Promise<void> {
    this.#plugged.delete(name);
  }
  async plugged(): Promise<readonly { readonly name: string; readonly portId: string }[]> {
    return [...this.#plugged].map(([name, portId]) => ({ name, portId }));
  }
  async connections(): Promise<readonly []> {
    return [];
  }
  async adopt(): Promise<void> {}
  async close(): Promise<void> {}
}

if (missing !== undefined) describe.skip(`faults on QEMU (${missing})`, () => test("leave nothing", () => undefined));
else
  describe("faults on QEMU", () => {
    const network = new TestNetwork();
    const host = new TestHost({ network, localFiles: true });
    const taps = async () => (await run("ip", ["-n", network.namespace, "-o", "link"], signal)).match(/\bpt\w+/g) ?? [];
    const group = (vmId: string) =>
      ["memory/", "pids/", "cpu/", ""]
        .map((one) => `/sys/fs/cgroup/${one}photon/${groupOf(host, vmId)}`)
        .filter(existsSync);
    beforeAll(async () => {
      await run("ip", ["netns", "add", network.namespace], signal);
      mkdirSync(host.folders.data, { mode: 0o711 });
      // What a full disk is tried on.
      await run("mount", ["-t", "tmpfs", "-o", "size=64m,mode=711", "tmpfs", host.folders.data], signal);
      await host.open();
    });
    afterEach(async () => {
      network.ports.add("port-1");
      await host.removeMachines();
      expect(host.leaks()).toEqual([]);
      expect(await taps()).toEqual([]);
      expect(await network.plugged()).toEqual([]);
    });
    afterAll(async () => {
      await host.driver.close();
      await run("umount", [host.folders.data], signal);
      await run("ip", ["netns", "del", network.namespace], signal);
      rmSync(host.root, { recursive: true, force: true });
    });

    test("a full disk makes the guest wait, and room lets it go on", async () => {
      const disks = [
        { id: "root", sizeGib: 1 },
        { id: "data", sizeGib: 1 },
      ];
      await host.run("vm-full", { disks });
      await host.says("vm-full", /READY/);
      const filler = join(host.folders.data, "filler");
      const full = () => {
        for (;;) writeFileSync(filler, Buffer.alloc(256 * 1024), { flag: "a" });
      };
      expect(full).toThrow("ENOSPC");
      const other = { ...image, imageId: "other", url: pathToFileURL(tinyImage(".photon/images")).href };
      const noRoom = { reason: "unavailable", status: "NoRoom" };
      await expect(host.driver.ensureImage(other, signal)).rejects.toMatchObject(noRoom);
      expect((await host.driver.inventory()).images).toEqual([image.imageId]);
      const line = await host.driver.consoles.open("vm-full", "serial", signal);
      line.write("dd if=/dev/zero of=/dev/vdb bs=1M count=8 && sync && echo written-$((40 + 2))\n");
      const trouble = async () => JSON.stringify(await host.driver.state("vm-full"));
      await until("it waits", async () => (await trouble()).includes("the host's disk is full"), trouble);
      await expect(host.define("vm-none")).rejects.toMatchObject({ reason: "unavailable" });
      expect((await host.driver.inventory()).machines).toEqual(["vm-full"]);
      rmSync(filler);
      await host.says("vm-full", /written-42/);
      expect(await host.driver.state("vm-full")).toEqual({ state: "running", needsRestart: false });
      line.destroy();
    });

    test("a driver that was ended in the middle finds its processes again, and sweeps what was never whole", async () => {
      await host.run("vm-adopted", { nics });
      const pid = host.pidOf("vm-adopted");
      expect(group("vm-adopted")).not.toEqual([]);
      expect(readFileSync(`/proc/${pid}/cgroup`, "utf8")).toContain(groupOf(host, "vm-adopted"));
      writeFileSync(host.files("vm-adopted").running, "{");
      await host.run("vm-begun");
      const { definition, running } = host.files("vm-begun");
      const begun = host.pidOf("vm-begun");
      renameSync(running, `${running}.new`);
      renameSync(definition, `${definition}.new`);
      mkdirSync(host.files("vm-half").folder);
      writeFileSync(host.files("vm-half").disk("root"), "");
      writeFileSync(`${host.files("vm-adopted").disk("lost")}.part`, "");
      await host.open();
      expect(await host.driver.state("vm-adopted")).toEqual({ state: "running", needsRestart: false });
      expect(host.pidOf("vm-adopted")).toBe(pid);
      expect(await host.driver.state("vm-begun")).toEqual({ state: "running", needsRestart: false });
      expect(host.pidOf("vm-begun")).toBe(begun);
      expect(existsSync(definition)).toBe(true);
      expect(existsSync(host.files("vm-half").folder)).toBe(false);
      process.kill(pid, "SIGKILL");
      await untilMachine(host.driver, "vm-adopted", "failed", patienceMs);
      expect(await taps()).toEqual([]);
      expect(group("vm-adopted")).toEqual([]);
    });

    test("a process that was not written down is ended by a new driver: nobody makes what it opens any more", async () => {
      await host.run("vm-waits", { nics });
      const { definition, running } = host.files("vm-waits");
      const before = host.pidOf("vm-waits");
      rmSync(running);
      renameSync(definition, `${definition}.new`);
      await host.open();
      expect(await host.driver.state("vm-waits")).toEqual({ state: "stopped" });
      expect(existsSync(definition)).toBe(true);
      await until("it has ended", async () => identityOf(before) === undefined);
      await host.driver.start("vm-waits", signal);
      await untilMachine(host.driver, "vm-waits", "running", patienceMs);
      expect(host.pidOf("vm-waits")).not.toBe(before);
    });

    test("a machine whose files can't be made leaves nothing of its process, which waits for them", async () => {
      await host.define("vm-files", { nics });
      const { folder, seed, sockets } = host.files("vm-files");
      rmSync(seed, { force: true });
      mkdirSync(seed);
      await host.driver.start("vm-files", signal);
      const failed = await untilMachine(host.driver, "vm-files", "failed", patienceMs);
      expect(failed).toEqual({ state: "failed", reason: expect.stringContaining("EISDIR") });
      expect(existsSync(sockets)).toBe(false);
      expect(await taps()).toEqual([]);
      expect(group("vm-files")).toEqual([]);
      expect(host.leaks()).toEqual([folder]);
      rmSync(seed, { recursive: true });
    });

    test("a machine that QEMU refuses says why, and leaves nothing of its process", async () => {
      await host.define("vm-broken", { nics });
      const { disk, running, sockets } = host.files("vm-broken");
      writeFileSync(disk("root"), "this is no disk");
      await host.driver.start("vm-broken", signal);
      const failed = await untilMachine(host.driver, "vm-broken", "failed", patienceMs);
      expect(failed).toEqual({ state: "failed", reason: expect.stringMatching(/^QEMU said: .*not in qcow2 format/) });
      expect([running, `${running}.new`, sockets].filter(existsSync)).toEqual([]);
      expect(await taps()).toEqual([]);
      expect(group("vm-broken")).toEqual([]);
      await host.driver.remove("vm-broken", signal);
    });

    test("a machine whose port is gone says so, and one whose port goes runs on", async () => {
      network.ports.clear();
      await host.define("vm-port", { nics });
      await host.driver.start("vm-port", signal);
      const failed = await untilMachine(host.driver, "vm-port", "failed", patienceMs);
      expect(failed).toEqual({ state: "failed", reason: "there is no port port-1" });
      expect(await taps()).toEqual([]);
      network.ports.add("port-1");
      await host.run("vm-port", { nics });
      network.ports.clear();
      const [tap] = await network.plugged();
      await network.unplug(tap?.name ?? "");
      expect(await host.driver.state("vm-port")).toEqual({ state: "running", needsRestart: false });
      await host.define("vm-port", { nics: [] });
    });

    test("a change that fails in the middle leaves the machine as QEMU has it", async () => {
      await host.run("vm-hot");
      network.ports.clear();
      const more = {
        disks: [
          { id: "root", sizeGib: 1 },
          { id: "data", sizeGib: 1 },
        ],
      };
      await expect(host.define("vm-hot", { ...more, nics })).rejects.toMatchObject({ reason: "missing" });
      expect(await taps()).toEqual([]);
      await host.define("vm-hot", more);
      expect(await host.driver.state("vm-hot")).toEqual({ state: "running", needsRestart: false });
    });
  });
