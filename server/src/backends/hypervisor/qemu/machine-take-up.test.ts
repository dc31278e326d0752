// A process that is found by a new driver, whatever its monitor does: its guest is never ended for that.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../../clock.ts";
import { Starter } from "../../linux/starter.ts";
import { sampleMachine } from "../contract.ts";
import { Cgroups } from "./cgroups.ts";
import { type Definition, writeDefinition, writeRunning } from "./definition.ts";
import type { Host } from "./host.ts";
import { machineFiles } from "./layout.ts";
import { Machine } from "./machine.ts";
import { identityOf } from "./process.ts";
import { roomOf } from "./room.ts";
import { FakeMonitor } from "./testing/fake-monitor.ts";

jest.setTimeout(60_000);
const { signal } = new AbortController();
const spec = { ...sampleMachine("vm-1", "tiny"), disks: [] };
const accelerator = { name: "tcg", why: "" } as const;
const definition: Definition = {
  spec,
  slots: {},
  machineType: "pc-q35-7.2",
  cpuModel: "max",
  room: roomOf(spec),
  uuid: "ec2-of-vm-1",
};
/** Minutes pass in a moment. */
const clock = {
  now: () => Date.now() * 100,
  sleep: (ms: number, until?: AbortSignal) => systemClock.sleep(ms / 100, until),
};
let root: string;
let host: Host;
let guest: ChildProcess;
let monitor: FakeMonitor;
let machine: Machine | undefined;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "pm-"));
  host = {
    folders: { data: join(root, "data"), run: join(root, "r") },
    program: "qemu",
    machineType: "",
    cpuModel: "",
    mostRounds: 1,
    copiesLive: false,
    accelerator,
    taps: undefined,
    ownUsers: false,
    clock,
    cgroups: Cgroups.open(join(root, "none")),
    starter: new Starter({}),
    imageFile: () => undefined,
    copyOf: () => undefined,
    changed: () => {},
  };
  const files = machineFiles(host.folders, spec.vmId);
  guest = spawn("sleep", ["600"], { argv0: definition.uuid, stdio: "ignore" });
  mkdirSync(files.sockets, { recursive: true });
  writeDefinition(files, definition);
  const process = identityOf(guest.pid ?? 0);
  if (process === undefined) throw new Error("the process did not start");
  writeRunning(files, { process, spec, room: definition.room });
  monitor = new FakeMonitor(files.monitor);
  guest.once("exit", () => monitor.drop());
});
afterEach(async () => {
  await machine?.remove(signal);
  machine = undefined;
  guest.kill("SIGKILL");
  await monitor.close();
  rmSync(root, { recursive: true, force: true });
});

const find = async () => {
  machine = await Machine.find(host, { definition, stray: undefined, departure: undefined });
  return machine;
};
const lives = () => guest.exitCode === null && guest.signalCode === null;
async function untilState(found: Machine, wanted: object): Promise<void> {
  for (const deadline = Date.now() + 30_000; ; await systemClock.sleep(10))
    try {
      return expect({ trouble: undefined, ...found.state }).toEqual({ trouble: undefined, ...wanted });
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
}
const running = { state: "running", needsRestart: false } as const;

test("a process that answers goes on", async () => {
  await untilState(await find(), running);
  expect(monitor.asked).toContain("cont");
});

test.each(["qom-list", "query-migrate", "query-block-jobs", "cont"])(
  "a process that refuses %s is asked again until it does not",
  async (command) => {
    monitor.refused.add(command);
    const found = await find();
    await untilState(found, { ...running, trouble: expect.stringContaining("not now") });
    await expect(found.define(spec, signal)).rejects.toMatchObject({ reason: "unavailable" });
    expect(lives()).toBe(true);
    monitor.refused.clear();
    await untilState(found, running);
    await found.define(spec, signal);
    expect(lives()).toBe(true);
  },
);

test("a process that does not answer is let be, and ended when that is asked", async () => {
  monitor.ignored.add("query-migrate");
  const found = await find();
  await untilState(found, { ...running, trouble: expect.stringContaining("does not answer") });
  expect(lives()).toBe(true);
  const gone = once(guest, "exit");
  found.stop(0);
  await gone;
  await untilState(found, { state: "stopped" });
});

test("a monitor that is lost is opened again", async () => {
  const found = await find();
  monitor.asked.length = 0;
  monitor.drop();
  await untilState(found, running);
  while (!monitor.asked.includes("cont")) await systemClock.sleep(5);
  await found.define(spec, signal);
  expect(lives()).toBe(true);
});

test("a process without a monitor is ended when that is asked", async () => {
  const found = await find();
  await monitor.close();
  const gone = once(guest, "exit");
  found.stop(0);
  await gone;
  await untilState(found, { state: "stopped" });
});

test("a process that dies has failed", async () => {
  const found = await find();
  guest.kill("SIGKILL");
  await untilState(found, { state: "failed", reason: "its process died: QEMU ended without a word" });
});
