// What a guest is told at its first boot, and from which device it boots.
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { qemuMissing } from "./index.ts";
import { patienceMs, signal, TestHost } from "./testing/host.ts";

const missing = qemuMissing();
jest.setTimeout(3 * patienceMs);

if (missing !== undefined) describe.skip(`first boot on QEMU (${missing})`, () => test("is told", () => undefined));
else
  describe("first boot on QEMU", () => {
    const host = new TestHost();
    beforeAll(() => host.open());
    afterEach(() => host.removeMachines());
    afterAll(() => host.close());

    test("the guest boots from the disk that comes first, and runs its user data", async () => {
      const disks = [
        { id: "root", sizeGib: 1 },
        { id: "data", sizeGib: 1 },
      ];
      const userData = "#!/bin/sh\necho first-$((40 + 2))\n";
      // The BIOS stays with the first disk, which is empty.
      const spec = await host.run("vm-told", { disks, bootOrder: ["data", "root"], userData });
      await host.define("vm-told", { ...spec, bootOrder: ["root"], userData: "other words for another start" });
      expect(await host.driver.state("vm-told")).toEqual({ state: "running", needsRestart: false });
      await host.driver.reset("vm-told", signal);
      await host.says("vm-told", /first-42[\s\S]*READY/);
    });
  });
