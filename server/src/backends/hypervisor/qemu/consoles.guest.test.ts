// What people see of real guests: the serial console, shared and kept; the screen.
import { appendFileSync, statSync } from "node:fs";
import type { Duplex } from "node:stream";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { keptBytes } from "./console-log.ts";
import { qemuMissing } from "./index.ts";
import { patienceMs, signal, TestHost, until } from "./testing/host.ts";

const missing = qemuMissing();
jest.setTimeout(2 * patienceMs);

/** Gathers what a viewer sees. */
function watch(viewer: Duplex): { said: string; ended: boolean } {
  const seen = { said: "", ended: false };
  viewer.on("data", (bytes: Buffer) => (seen.said += bytes.toString("latin1")));
  viewer.on("end", () => (seen.ended = true));
  return seen;
}

if (missing !== undefined) describe.skip(`consoles on QEMU (${missing})`, () => test("are shared", () => undefined));
else
  describe("consoles on QEMU", () => {
    const host = new TestHost();
    beforeAll(() => host.open());
    afterEach(async () => {
      await host.removeMachines();
      expect(host.leaks()).toEqual([]);
    });
    afterAll(() => host.close());

    test("all viewers see the guest's line, each may type, and the end is told", async () => {
      await expect(host.driver.consoles.open("vm-a", "serial", signal)).rejects.toMatchObject({ reason: "missing" });
      await host.run("vm-a");
      const viewers = await Promise.all([1, 2].map(() => host.driver.consoles.open("vm-a", "serial", signal)));
      const seen = viewers.map(watch);
      await host.says("vm-a", /READY/);
      viewers[1]?.write("echo typed-$((40 + 2))\n");
      await until("both see what one typed", async () => seen.every(({ said }) => said.includes("typed-42")));
      viewers[0]?.destroy();
      viewers[1]?.write("echo alone-$((1 + 2))\n");
      await until("the other stays", async () => seen[1]?.said.includes("alone-3") === true);
      await host.stop("vm-a");
      await until("the end is told", async () => seen[1]?.ended === true);
      const log = Buffer.from(await host.driver.consoles.log("vm-a", 1024 ** 2, signal)).toString("latin1");
      expect(log).toContain("typed-42");
      expect(await host.driver.consoles.log("vm-a", 10, signal)).toHaveLength(10);
    });

    test("the screen is served to several at once, and a driver that comes later serves it too", async () => {
      await host.run("vm-b");
      await host.open();
      const screens = await Promise.all([1, 2].map(() => host.driver.consoles.open("vm-b", "vnc", signal)));
      const seen = screens.map(watch);
      await until("both are greeted", async () => seen.every(({ said }) => said.startsWith("RFB 003.008\n")));
      for (const screen of screens) screen.destroy();
    });

    test("the line's log stays bounded while QEMU writes it", async () => {
      await host.run("vm-c");
      const { consoleLog } = host.files("vm-c");
      appendFileSync(consoleLog, "x".repeat(3 * keptBytes));
      await until("it is cut", async () => statSync(consoleLog).size < keptBytes);
      await host.says("vm-c", /READY/);
      const log = await host.driver.consoles.log("vm-c", 10 * keptBytes, signal);
      expect(log.length).toBeLessThan(3 * keptBytes);
    });
  });
