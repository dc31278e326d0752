import { expect, test } from "@jest/globals";
import { hypervisorContract, sampleMachine, untilMachine } from "../contract.ts";
import { moveMachine, movesContract } from "../moves-contract.ts";
import { MovesWithinProcess } from "../moving/within-process.ts";
import { simulatedHypervisor } from "./index.ts";

const { signal } = new AbortController();
const image = { imageId: "tiny", format: "raw", architecture: "x86_64" } as const;

hypervisorContract({
  name: "simulated",
  open: async () => simulatedHypervisor(),
  openStubborn: async () => simulatedHypervisor({ shutdownMs: "never" }),
  image,
});

movesContract({
  name: "simulated",
  open: async () => {
    const transport = new MovesWithinProcess();
    const [a, b] = [simulatedHypervisor({ transport }), simulatedHypervisor({ transport })];
    for (const host of [a, b]) await host.ensureImage(image, signal);
    return {
      hosts: [a, b],
      cut: () => transport.cut(),
      close: async () => void (await Promise.all([a.close(), b.close()])),
    };
  },
  image,
});

test("a machine's disks, its ports and what it was started with move along", async () => {
  const plugged: string[] = [];
  const plug = (host: string) => (portId: string, up: boolean) => plugged.push(`${host} ${portId} ${up}`);
  const [a, b] = [simulatedHypervisor({ plug: plug("a") }), simulatedHypervisor({ plug: plug("b") })];
  const { imageId: _, ...small } = sampleMachine("vm-1", "");
  const spec = { ...small, nics: [{ id: "eth0", portId: "port-1", macAddress: "fa:16:3e:00:00:01" }] };
  await a.define(spec, signal);
  await a.start("vm-1", signal);
  await untilMachine(a, "vm-1", "running", 5_000);
  a.snapshots.write("vm-1", "root", "written");
  await a.define({ ...spec, cpu: 2 }, signal);
  plugged.length = 0;
  await moveMachine(a, b, { ...spec, cpu: 2 }, 5_000);
  expect(await b.state("vm-1")).toEqual({ state: "running", needsRestart: true });
  expect(b.snapshots.read("vm-1", "root")).toBe("written");
  expect(plugged).toEqual(["a port-1 false", "b port-1 true"]);
  await a.close();
  await b.close();
});

test("a snapshot holds what the disks held, for a restore and for a copy", async () => {
  const driver = simulatedHypervisor();
  const { imageId: _, ...empty } = sampleMachine("vm-1", "");
  await driver.define(empty, signal);
  driver.snapshots.write("vm-1", "root", "before");
  await driver.snapshots.take("vm-1", "snap-1", signal);
  driver.snapshots.write("vm-1", "root", "after");
  await driver.define({ ...empty, vmId: "vm-2", copyOf: { vmId: "vm-1", snapshotId: "snap-1" } }, signal);
  expect(driver.snapshots.read("vm-2", "root")).toBe("before");
  await driver.snapshots.restore("vm-1", "snap-1", signal);
  expect(driver.snapshots.read("vm-1", "root")).toBe("before");
  await driver.close();
});

test("what may grow while it runs needs no restart, and shrinking does", async () => {
  const driver = simulatedHypervisor({ growsWhileRunning: { cpu: true, memory: true } });
  const { imageId: _, ...small } = sampleMachine("vm-1", "");
  await driver.define(small, signal);
  await driver.start("vm-1", signal);
  await untilMachine(driver, "vm-1", "running", 5_000);
  await driver.define({ ...small, cpu: 2, memoryMib: 256 }, signal);
  expect(await driver.state("vm-1")).toEqual({ state: "running", needsRestart: false });
  await driver.define(small, signal);
  expect(await driver.state("vm-1")).toEqual({ state: "running", needsRestart: true });
  await driver.close();
});

test("a host without microVMs says so", async () => {
  const driver = simulatedHypervisor({ microvms: false });
  const { imageId: _, ...small } = sampleMachine("vm-1", "");
  await expect(driver.define({ ...small, machine: "microvm" }, signal)).rejects.toThrow("runs no microVMs");
});

test("a guest that dies says why, and may be started again", async () => {
  const plugged: [string, boolean][] = [];
  const driver = simulatedHypervisor({ plug: (portId, up) => plugged.push([portId, up]) });
  const { imageId: _, ...empty } = sampleMachine("vm-1", "");
  await driver.define({ ...empty, nics: [{ id: "eth0", portId: "port-1", macAddress: "fa:16:3e:00:00:01" }] }, signal);
  await driver.start("vm-1", signal);
  await untilMachine(driver, "vm-1", "running", 5_000);
  driver.crash("vm-1", "the guest's kernel panicked");
  expect(await driver.state("vm-1")).toEqual({ state: "failed", reason: "the guest's kernel panicked" });
  expect(plugged).toEqual([
    ["port-1", true],
    ["port-1", false],
  ]);
  await driver.start("vm-1", signal);
  await untilMachine(driver, "vm-1", "running", 5_000);
  await driver.close();
});
