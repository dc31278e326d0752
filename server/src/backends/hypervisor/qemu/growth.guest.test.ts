// A machine that grows while it runs, as its guest sees it.
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { readDefinition } from "./definition.ts";
import { qemuMissing } from "./index.ts";
import { patienceMs, signal, TestHost } from "./testing/host.ts";

const missing = qemuMissing();
jest.setTimeout(3 * patienceMs);

if (missing !== undefined) describe.skip(`growth on QEMU (${missing})`, () => test("is hot", () => undefined));
else
  describe("growth on QEMU", () => {
    const host = new TestHost();
    beforeAll(() => host.open());
    afterAll(() => host.close());
    const needsRestart = async () => await host.driver.state("vm-grows");

    test("gives a running guest processors and memory, as far as there is room", async () => {
      const spec = await host.run("vm-grows", { memoryMib: 512 });
      expect(readDefinition(host.files("vm-grows"))).toMatchObject({
        room: { cpu: 4, memoryMib: 1024 },
        cpuModel: "max",
        machineType: expect.stringMatching(/^pc-q35-\d/),
      });
      await host.says("vm-grows", /tick \d+ .* cpus=1 /);
      await host.define("vm-grows", { ...spec, cpu: 2, memoryMib: 768 });
      expect(await needsRestart()).toEqual({ state: "running", needsRestart: false });
      const line = await host.driver.consoles.open("vm-grows", "serial", signal);
      line.write("echo 1 > /sys/devices/system/cpu/cpu1/online\n");
      // 512 MiB and 256 more, but what Linux keeps for itself.
      await host.says("vm-grows", /tick \d+ .* cpus=2 memory=[67]\d{5} /);
      line.destroy();
      await host.open();
      expect(await needsRestart()).toEqual({ state: "running", needsRestart: false });
      await host.define("vm-grows", { ...spec, cpu: 5, memoryMib: 768 });
      expect(await needsRestart()).toEqual({ state: "running", needsRestart: true });
      await host.define("vm-grows", { ...spec, cpu: 2, memoryMib: 800 });
      expect(await needsRestart()).toEqual({ state: "running", needsRestart: true });
      await host.define("vm-grows", { ...spec, cpu: 2, memoryMib: 768 });
      expect(await needsRestart()).toEqual({ state: "running", needsRestart: false });
    });
  });
