// Real guests that move between two hosts of one machine.
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { MachineSpec } from "../driver.ts";
import { type MoveField, moveMachine, movesContract } from "../moves-contract.ts";
import { MovesWithinProcess } from "../moving/within-process.ts";
import { qemuMissing } from "./index.ts";
import { run } from "./programs.ts";
import { image, patienceMs, signal, TestHost, until } from "./testing/host.ts";

const missing = qemuMissing();
jest.setTimeout(2 * patienceMs);

/** @throws where a disk does not hold what qemu-io's words say. */
async function holdsAt(file: string, words: readonly string[]): Promise<void> {
  const said = await run("qemu-io", ["-r", "-f", "qcow2", ...words.flatMap((word) => ["-c", word]), file], signal);
  expect(said).not.toContain("verification failed");
}

async function openField(): Promise<MoveField> {
  const transport = new MovesWithinProcess();
  const hosts = [new TestHost({ transport }), new TestHost({ transport })] as const;
  for (const host of hosts) await host.open();
  return {
    get hosts() {
      return [hosts[0].driver, hosts[1].driver] as const;
    },
    restart: async (which) => void (await hosts[which].open()),
    cut: () => transport.cut(),
    close: async () => {
      for (const host of hosts) await host.removeMachines();
      for (const host of hosts) expect(host.leaks()).toEqual([]);
      for (const host of hosts) await host.close();
    },
  };
}

if (missing !== undefined) describe.skip(`moves on QEMU (${missing})`, () => test("keep guests", () => undefined));
else {
  movesContract({ name: "qemu", open: openField, image, patienceMs });

  describe("a guest that moves", () => {
    const transport = new MovesWithinProcess();
    const hosts = [new TestHost({ transport }), new TestHost({ transport })] as const;
    const [a, b] = hosts;
    beforeAll(async () => void (await Promise.all(hosts.map((host) => host.open()))));
    afterEach(async () => {
      for (const host of hosts) await host.removeMachines();
      for (const host of hosts) expect(host.leaks()).toEqual([]);
    });
    afterAll(async () => {
      for (const host of hosts) await host.close();
    });
    const vmId = "vm-1";
    /** Types a line on its console. */
    const type = async (host: TestHost, line: string) => {
      const console = await host.driver.consoles.open(vmId, "serial", signal);
      console.write(`${line}\n`);
      return console;
    };
    const said = async (host: TestHost) =>
      Buffer.from(await host.driver.consoles.log(vmId, 1024 ** 2, signal)).toString("latin1");
    const ticks = async (host: TestHost) =>
      [...(await said(host)).matchAll(/tick (\d+) host=/g)].map(([, n]) => Number(n));
    /** The checksum that it says under a name. */
    const sum = async (host: TestHost, name: string) => {
      const words = new RegExp(`${name}=([0-9a-f]{32})`);
      await host.says(vmId, words);
      return words.exec(await said(host))?.[1];
    };
    const move = (from: TestHost, to: TestHost, spec: MachineSpec) =>
      moveMachine(from.driver, to.driver, spec, patienceMs);

    test("writes on, keeps what was plugged into it, and comes back", async () => {
      const small = await a.run(vmId, { memoryMib: 512 });
      await a.says(vmId, /READY/);
      const disks = [...small.disks, { id: "data", sizeGib: 1 }];
      const spec = await a.define(vmId, { cpu: 2, memoryMib: 640, disks });
      await a.says(vmId, /tick \d+ .* cpus=2 memory=[56]\d{5} disks=\S*vdc:2097152,/);
      const line = await type(a, "dd if=/dev/urandom of=/dev/vdc bs=1M count=16 seek=64; sync");
      line.write(
        "(while [ ! -e /run/enough ]; do dd if=/dev/urandom of=/dev/vdc bs=64k count=16 seek=$((i % 256)); i=$((i + 16)); done) 2>/dev/null &\n",
      );
      line.write("echo before=$(dd if=/dev/vdc bs=1M skip=64 count=16 | md5sum)\n");
      const before = await sum(a, "before");
      await move(a, b, spec);
      line.destroy();
      expect(await b.driver.state(vmId)).toEqual({ state: "running", needsRestart: false });
      const last = Math.max(...(await ticks(b)));
      await until("it ticks on", async () => Math.max(...(await ticks(b))) > last);
      const all = await ticks(b);
      expect(all).toEqual(all.map((_, i) => (all[0] ?? 0) + i));
      const there = await type(
        b,
        "touch /run/enough; wait; sync; echo cached=$(dd if=/dev/vdc bs=1M count=16 | md5sum)",
      );
      const cached = await sum(b, "cached");
      there.write("echo 3 > /proc/sys/vm/drop_caches; echo kept=$(dd if=/dev/vdc bs=1M count=16 | md5sum)\n");
      expect(await sum(b, "kept")).toBe(cached);
      there.write("echo after=$(dd if=/dev/vdc bs=1M skip=64 count=16 | md5sum)\n");
      expect(await sum(b, "after")).toBe(before);
      there.destroy();
      await b.says(vmId, /tick \d+ .* cpus=2 memory=[56]\d{5} disks=\S*vdc:2097152,/);
      const more = await b.define(vmId, { ...spec, memoryMib: 768 });
      await move(b, a, more);
      expect(await a.driver.state(vmId)).toEqual({ state: "running", needsRestart: false });
      const back = await type(
        a,
        "echo 3 > /proc/sys/vm/drop_caches; echo back=$(dd if=/dev/vdc bs=1M count=16 | md5sum)",
      );
      expect(await sum(a, "back")).toBe(cached);
      back.destroy();
    });

    test("takes its snapshots along while it runs", async () => {
      const disks = [
        { id: "root", sizeGib: 1 },
        { id: "data", sizeGib: 1 },
      ];
      const spec = await a.run(vmId, { disks });
      await a.says(vmId, /READY/);
      const line = await type(
        a,
        "dd if=/dev/zero bs=1M count=8 | tr '\\0' A | dd of=/dev/vdb bs=1M; sync; echo one-$((1 + 1))",
      );
      await a.says(vmId, /one-2/);
      await a.driver.snapshots.take(vmId, "snap-1", signal);
      line.write("dd if=/dev/zero bs=1M count=4 | tr '\\0' B | dd of=/dev/vdb bs=1M; sync; echo two-$((1 + 2))\n");
      await a.says(vmId, /two-3/);
      await a.driver.snapshots.take(vmId, "snap-2", signal);
      line.write("dd if=/dev/zero bs=1M count=2 | tr '\\0' C | dd of=/dev/vdb bs=1M; sync; echo three-$((2 + 2))\n");
      await a.says(vmId, /three-4/);
      await move(a, b, spec);
      line.destroy();
      expect(await b.driver.state(vmId)).toEqual({ state: "running", needsRestart: false });
      expect(await b.driver.snapshots.list(vmId, signal)).toEqual(["snap-1", "snap-2"]);
      await b.stop(vmId);
      const holds = (...words: readonly string[]) => holdsAt(b.files(vmId).disk("data"), words);
      await holds("read -P 0x43 0 2M", "read -P 0x42 2M 2M", "read -P 0x41 4M 4M", "read -P 0 8M 8M");
      await b.driver.snapshots.restore(vmId, "snap-1", signal);
      await holds("read -P 0x41 0 8M", "read -P 0 8M 8M");
      await b.driver.snapshots.restore(vmId, "snap-2", signal);
      await holds("read -P 0x42 0 4M", "read -P 0x41 4M 4M", "read -P 0 8M 8M");
      await move(b, a, spec);
      expect(await a.driver.snapshots.list(vmId, signal)).toEqual(["snap-1", "snap-2"]);
    });
  });
}
