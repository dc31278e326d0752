// A guest's agent on a real guest: what it tells, how it keeps file systems still, how it ends a guest that is deaf to ACPI, and what a hostile one can do.
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { untilMachine } from "../contract.ts";
import { freezeGuest } from "./agent.ts";
import { qemuMissing } from "./index.ts";
import { run } from "./programs.ts";
import { patienceMs, signal, TestHost, until } from "./testing/host.ts";

const missing = qemuMissing();
jest.setTimeout(3 * patienceMs);
const disks = [
  { id: "root", sizeGib: 1 },
  { id: "data", sizeGib: 1 },
];
/** Deaf to the power button; writes to its second disk all the time; its agent can be ended. */
const userData = `#!/bin/sh
rmmod evdev
mkdir /data && mount -t ext4 /dev/vdb /data
(while :; do date >> /data/log; sync; sleep 0.2; done) &
printf '#!/bin/sh\\necho $$ > /run/agent.pid\\nexec /bin/agent\\n' > /run/agent
chmod +x /run/agent
`;
/** Where ext4 says that its journal has to be played back: the third bit of the superblock's s_feature_incompat. */
const [superblock, incompatible, needsRecovery] = [1024, 0x60, 0x4];

if (missing !== undefined) describe.skip(`a guest's agent on QEMU (${missing})`, () => test("helps", () => undefined));
else
  describe("a guest's agent on QEMU", () => {
    const host = new TestHost();
    beforeAll(() => host.open());
    afterAll(() => host.close());
    const vmId = "vm-agent";
    const guest = async () => (await host.driver.statistics(vmId, signal))?.guest;

    test("tells its name, stills its disks, survives us, is not believed when it is hostile, and ends it", async () => {
      await host.define(vmId, { disks, userData });
      await formatExt4(host.files(vmId).disk("data"));
      await host.run(vmId, { disks, userData });
      await host.says(vmId, /READY/);
      await until("the agent answers", async () => (await guest()) !== undefined);
      expect(await guest()).toEqual({ hostname: vmId, os: expect.stringMatching(/^Tiny guest, Linux \d/) });

      await host.driver.snapshots.take(vmId, "stilled", signal);
      await host.says(vmId, /agent: freeze 1\s[\s\S]*agent: unfreeze 1/);
      expect(await mustRecover("stilled")).toBe(false);

      // As if our process had ended in between.
      writeFileSync(host.files(vmId).frozen, "");
      expect(await freezeGuest(host.files(vmId).agent)).toBe(true);
      await host.open();
      await host.says(vmId, /(agent: unfreeze 1[\s\S]*){2}/);

      const terminal = await host.driver.consoles.open(vmId, "serial", signal);
      terminal.write(
        "kill $(cat /run/agent.pid); yes > /dev/vport*p1 & echo $! > /run/hostile; echo now-$((40 + 2))\n",
      );
      await host.says(vmId, /now-42/);
      expect(await guest()).toBeUndefined();
      await host.driver.snapshots.take(vmId, "taken", signal);
      expect(await mustRecover("taken")).toBe(true);

      terminal.write("kill $(cat /run/hostile); /run/agent & echo then-$((40 + 3))\n");
      await host.says(vmId, /then-43/);
      await host.driver.stop(vmId, { graceMs: patienceMs }, signal);
      await untilMachine(host.driver, vmId, "stopped", patienceMs);
      await host.says(vmId, /agent: shutdown/);
      expect(existsSync(host.files(vmId).frozen)).toBe(false);
    });

    async function mustRecover(snapshotId: string): Promise<boolean> {
      const file = join(host.root, `${snapshotId}.qcow2`);
      await host.exportTo(file, vmId, { diskId: "data", snapshotId });
      const at = superblock + incompatible;
      const dump = await run("qemu-io", ["-r", "-f", "qcow2", "-c", `read -v ${at} 1`, file], signal);
      const byte = /^[0-9a-f]+:\s+([0-9a-f]{2})/m.exec(dump)?.[1] ?? "";
      return (Number.parseInt(byte, 16) & needsRecovery) !== 0;
    }

    async function formatExt4(disk: string): Promise<void> {
      const raw = join(host.root, "ext4.raw");
      execFileSync("mke2fs", ["-q", "-t", "ext4", raw, "1G"]);
      await run("qemu-img", ["convert", "-q", "-f", "raw", "-O", "qcow2", raw, disk], signal);
    }
  });
