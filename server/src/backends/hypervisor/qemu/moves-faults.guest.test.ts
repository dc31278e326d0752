// What goes wrong while a machine moves: it runs in one place in the end, and nothing is left in the other.
import { mkdirSync, rmSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { moveMachine, untilMoved } from "../moves-contract.ts";
import { MovesWithinProcess } from "../moving/within-process.ts";
import { ownWord } from "./command-line.ts";
import { qemuMissing } from "./index.ts";
import { processesWith } from "./process.ts";
import { run } from "./programs.ts";
import { patienceMs, signal, TestHost, until } from "./testing/host.ts";

const missing = process.getuid?.() === 0 ? qemuMissing() : "it needs root";
jest.setTimeout(3 * patienceMs);

if (missing !== undefined)
  describe.skip(`faults of moves on QEMU (${missing})`, () => test("leave one", () => undefined));
else
  describe("faults of moves on QEMU", () => {
    const transport = new MovesWithinProcess();
    const [a, b] = [new TestHost({ transport }), new TestHost({ transport })];
    const vmId = "vm-1";
    const processOf = (host: TestHost) => {
      const word = ownWord(host.files(vmId));
      return processesWith(new Set([word])).get(word);
    };
    beforeAll(async () => {
      mkdirSync(b.folders.data, { mode: 0o711 });
      // What a full disk is tried on.
      await run("mount", ["-t", "tmpfs", "-o", "size=64m,mode=711", "tmpfs", b.folders.data], signal);
      for (const host of [a, b]) await host.open();
    });
    afterEach(async () => {
      for (const host of [a, b]) await host.removeMachines();
      for (const host of [a, b]) expect(host.leaks()).toEqual([]);
    });
    afterAll(async () => {
      await a.close();
      await b.driver.close();
      await run("umount", [b.folders.data], signal);
      rmSync(b.root, { recursive: true, force: true });
    });
    /** Until the destination's process is there. */
    const begun = async () => {
      const spec = await a.run(vmId);
      await a.driver.moves?.send(
        vmId,
        (await b.driver.moves?.offer(spec, signal)) ?? { address: "", secret: "" },
        signal,
      );
      await until("its place is made", async () => processOf(b) !== undefined);
      return spec;
    };
    const isGone = (host: TestHost) => until("nothing is left", async () => host.leaks().length === 0);

    test("the destination's process dies", async () => {
      const spec = await begun();
      process.kill(processOf(b)?.pid ?? 0, "SIGKILL");
      expect(await untilMoved(a.driver, vmId, patienceMs)).toMatchObject({ phase: "failed" });
      expect(await a.driver.state(vmId)).toEqual({ state: "running", needsRestart: false });
      await b.driver.moves?.cancel(vmId, signal);
      await isGone(b);
      await moveMachine(a.driver, b.driver, spec, patienceMs);
      expect(await b.driver.state(vmId)).toEqual({ state: "running", needsRestart: false });
    });

    test("the source's process dies", async () => {
      const spec = await begun();
      process.kill(processOf(a)?.pid ?? 0, "SIGKILL");
      expect(await untilMoved(a.driver, vmId, patienceMs)).toMatchObject({ phase: "failed" });
      expect(await a.driver.state(vmId)).toMatchObject({ state: "failed" });
      const offer = await b.driver.moves?.offer(spec, signal);
      const again = a.driver.moves?.send(vmId, offer ?? { address: "", secret: "" }, signal);
      await expect(again).rejects.toMatchObject({ reason: "refused", message: expect.stringContaining("has failed") });
      await b.driver.moves?.cancel(vmId, signal);
      await isGone(b);
    });

    test("the destination's disk is full", async () => {
      const spec = await a.run(vmId, {
        disks: [
          { id: "root", sizeGib: 1 },
          { id: "data", sizeGib: 1 },
        ],
      });
      await a.stop(vmId);
      await run("qemu-io", ["-f", "qcow2", "-c", "write -P 5 0 64M", a.files(vmId).disk("data")], signal);
      await a.driver.start(vmId, signal);
      await until("it runs", async () => (await a.driver.state(vmId))?.state === "running");
      await a.driver.moves?.send(
        vmId,
        (await b.driver.moves?.offer(spec, signal)) ?? { address: "", secret: "" },
        signal,
      );
      const failed = await untilMoved(a.driver, vmId, patienceMs);
      expect(failed).toMatchObject({ phase: "failed", reason: expect.stringMatching(/disk/) });
      expect(await a.driver.state(vmId)).toEqual({ state: "running", needsRestart: false });
      await b.driver.moves?.cancel(vmId, signal);
      await isGone(b);
    });
  });
