// What goes wrong between a server and two real hosts: each ends in a status that says what happened, the guest running once, and nothing left over.
import { rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { identityOf } from "../../server/src/backends/hypervisor/qemu/process.ts";
import { runCommand } from "../../server/src/backends/linux/command.ts";
import { until } from "./agents.ts";
import { guestPatienceMs, guestsMissing, said } from "./guest-cloud.ts";
import { HostsWorld } from "./hosts-world.ts";
import type { RealHost } from "./real-hosts.ts";

const missing = guestsMissing();
const suite = missing === undefined ? describe : describe.skip;
const tick = /^tick (\d+) /m;
const longMs = 4 * guestPatienceMs;
/** Room for two machines of a GiB each. */
const diskMib = 2_200;
/** Of an image, and of a machine's memory and disk: in the middle of both. */
const [someOfImage, someOfMachine] = [256 * 1024, 4 * 1024 ** 2];

suite(`faults of hosts behind agents${missing === undefined ? "" : ` (${missing})`}`, () => {
  let starting: Promise<HostsWorld> | undefined;
  let world: HostsWorld;
  beforeAll(async () => {
    starting = HostsWorld.start({ diskMib });
    world = await starting;
  }, 5 * guestPatienceMs);
  afterAll(async () => (await starting)?.hosts.stop(), guestPatienceMs);
  afterEach(async () => {
    free();
    await world.clear();
  }, longMs);

  /** A machine that is on its way to the other host, in the middle of which the line is held. */
  const movingHalf = async () => {
    const [from, to] = world.pair;
    const id = await world.makeVm(from);
    await world.runs(id, from);
    await from.says(id, tick);
    const pid = from.process(id)?.pid;
    const held = to.line.holdAfter(someOfMachine);
    await world.migrate(id, to);
    await held();
    return { id, from, to, pid };
  };

  test(
    "an agent that is killed while an image comes has it sent anew, and one machine runs",
    async () => {
      const [here] = world.pair;
      await world.importImage("mine");
      const held = here.line.holdAfter(someOfImage);
      const id = await world.makeVm(here, { image_id: "mine" });
      await held();
      await here.agent?.kill();
      here.line.mend();
      await world.is(id, /host one|can't be reached/);
      await world.hosts.run(here);
      await world.runs(id, here);
      await here.says(id, /READY/);
      expect(here.images()).toContain("mine.qcow2");
      await world.alice.remove("Vm", id);
      await world.call("plasmavmc.v1.ImageService/DeleteImage", { id: "mine" });
      await until("the image is gone", async () => !here.images().includes("mine.qcow2"));
    },
    longMs,
  );

  test(
    "the agent that a machine moves to is killed: it stays where it was, and says so",
    async () => {
      const { id, from, to } = await movingHalf();
      await to.agent?.kill();
      to.line.mend();
      await world.hosts.run(to);
      const moved = await world.is(id, /PHASE_(DONE|FAILED|CANCELLED)"/);
      expect(moved).toMatchObject({ move: { phase: "VM_MOVE_PHASE_FAILED" } });
      await world.runs(id, from);
      await from.saysAgain(id, tick);
      expect(to.process(id)).toBeUndefined();
      await until("the other has nothing", async () => (await to.remains()).length === 0);
    },
    longMs,
  );

  test(
    "a host that is cut off says so; its guest runs on, and what was asked meanwhile is done when it is back",
    async () => {
      const [here] = world.pair;
      const [id, doomed] = [await world.makeVm(here), await world.makeVm(here)];
      for (const vm of [id, doomed]) await world.runs(vm, here);
      await here.says(id, tick);
      const pid = here.process(id)?.pid;
      here.line.cut();
      await world.hosts.field.hostIs(here.name, "SILENT");
      expect(await world.is(id, /VM_STATE_UNKNOWN/)).toMatchObject({
        stateReason: expect.stringContaining("host one"),
      });
      await here.saysAgain(id, tick);
      await world.alice.must("Vm", "DeleteVm", { id: doomed });
      here.line.mend();
      await world.hosts.field.hostIs(here.name, "READY");
      await world.runs(id, here);
      expect(here.process(id)?.pid).toBe(pid);
      await world.alice.until("Vm", doomed, (_, status) => status === 404);
    },
    longMs,
  );

  test(
    "the agent that a machine moves from is killed: its guest runs on in one place, as if nothing had been asked",
    async () => {
      const { id, from, to, pid } = await movingHalf();
      await from.agent?.kill();
      to.line.mend();
      await until("the other has nothing", async () => (await to.remains()).length === 0);
      expect(identityOf(pid ?? 0)?.pid).toBe(pid);
      await world.hosts.run(from);
      const moved = await world.is(id, /PHASE_(DONE|FAILED|CANCELLED)"/);
      const [here, there] = moved.hostId === to.name ? [to, from] : [from, to];
      await world.runs(id, here);
      await here.saysAgain(id, tick);
      // It was never started again.
      expect(said(here.files(id).consoleLog, /^READY/m)).toHaveLength(1);
      await until("it is in one place", async () => there.process(id) === undefined);
    },
    longMs,
  );

  test(
    "a destination whose disk fills up ends the move with that reason, and the guest runs on where it was",
    async () => {
      const [from, to] = world.pair;
      const id = await world.makeVm(from, { disks: [root, data] }, { power_state: "POWER_STATE_STOPPED" });
      await world.is(id, /STATE_READY/);
      await runCommand("qemu-io", ["-f", "qcow2", "-c", "write -P 5 0 200M", from.files(id).disk("data")]);
      await world.alice.must("Vm", "StartVm", { id });
      await world.runs(id, from);
      await fill(to, 100);
      await world.migrate(id, to);
      const moved = await world.is(id, /PHASE_FAILED"/);
      expect(JSON.stringify(moved.move)).toMatch(/disk/);
      await world.runs(id, from);
      await from.saysAgain(id, tick);
      await until("the other has nothing", async () => (await to.remains()).length === 0);
    },
    longMs,
  );

  test(
    "a guest whose host's disk fills up waits and says for what, and goes on when there is room",
    async () => {
      const [here] = world.pair;
      const user_data = `#!/bin/sh
(
  dd if=/dev/urandom of=/dev/vda bs=1M seek=200 count=60 conv=notrunc 2>/dev/null && sync && echo "all is written"
) > /dev/console &
`;
      const id = await world.makeVm(here, { user_data }, { power_state: "POWER_STATE_STOPPED" });
      await world.is(id, /STATE_READY/);
      await fill(here, 24);
      await world.alice.must("Vm", "StartVm", { id });
      // Its guest finds the disk full, or what is to be written of the machine itself does.
      const waiting = await world.alice.until("Vm", id, (vm) => /disk is full/.test(JSON.stringify(vm)));
      expect(waiting).toMatchObject({ state: "VM_STATE_RUNNING" });
      free();
      await here.says(id, /all is written/);
      await world.is(id, /STATE_READY/);
      await world.alice.until("Vm", id, ({ stateReason = "" }) => stateReason === "");
    },
    longMs,
  );
});

const [root, data] = [
  { id: "root", size_gib: 1 },
  { id: "data", size_gib: 1 },
];

/** What fills hosts' disks. */
const ballasts: string[] = [];

/** Leaves so many MiB of a host's disk, until `free`. By another process: what is said between the hosts and the server passes this one. */
async function fill({ machines }: RealHost, leftMib: number): Promise<void> {
  const { bavail, bsize } = statfsSync(machines);
  const ballast = join(machines, "ballast");
  ballasts.push(ballast);
  await runCommand("fallocate", ["--length", String(bavail * bsize - leftMib * 1024 ** 2), ballast]);
}

function free(): void {
  for (const ballast of ballasts.splice(0)) rmSync(ballast, { force: true });
}
