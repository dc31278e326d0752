import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { DriverError } from "../driver-error.ts";
import { hypervisorContract, sampleMachine } from "./contract.ts";
import type { HypervisorDriver, MachineSpec } from "./driver.ts";
import { Hosts } from "./hosts.ts";
import { onHosts } from "./on-hosts.ts";
import { type SimulatedHypervisor, simulatedHypervisor } from "./simulated/index.ts";

const image = { imageId: "tiny", format: "raw", architecture: "x86_64" } as const;
const { signal } = new AbortController();
const capacity = { cpu: 2, memoryMib: 300, diskGib: 10 };
const terms = { reachable: true, fenced: false, capacity };

function overOne(own: SimulatedHypervisor): HypervisorDriver {
  const hosts = new Hosts();
  hosts.set({ ...terms, id: "local", driver: own });
  return onHosts({ hosts, own, ownId: "local" });
}

hypervisorContract({
  name: "simulated, as one host of many",
  open: async () => overOne(simulatedHypervisor()),
  openStubborn: async () => overOne(simulatedHypervisor({ shutdownMs: "never" })),
  image,
});

let own: SimulatedHypervisor;
let other: SimulatedHypervisor;
let hosts: Hosts;
let driver: HypervisorDriver;
beforeEach(async () => {
  [own, other, hosts] = [simulatedHypervisor(), simulatedHypervisor(), new Hosts()];
  hosts.set({ ...terms, id: "b-local", driver: own });
  hosts.set({ ...terms, id: "a-other", driver: other });
  driver = onHosts({ hosts, own, ownId: "b-local" });
  await driver.ensureImage(image, signal);
});
afterEach(async () => {
  await own.close();
  await other.close();
});

const machine = (vmId: string): MachineSpec => sampleMachine(vmId, "tiny");
const settle = (vmId: string, hostId: string) => driver.placement?.settle({ vmId, owner: "acme/alpha", hostId });

test("sends a machine to its host, with the image that it needs", async () => {
  await driver.define({ ...machine("vm-1"), hostId: "a-other" }, signal);
  expect(other.snapshot()).toMatchObject({ images: [image], machines: [{ spec: { vmId: "vm-1" } }] });
  expect(own.snapshot().machines).toEqual([]);
  expect([...hosts.images("a-other")]).toEqual(["tiny"]);
});

test("finds a machine that it was not told of", async () => {
  await other.ensureImage(image, signal);
  await other.define(machine("vm-1"), signal);
  expect(await driver.state("vm-1", signal)).toEqual({ state: "stopped" });
  await driver.remove("vm-1", signal);
  expect(other.snapshot().machines).toEqual([]);
});

test("does not take a machine for gone while a host can't be asked", async () => {
  other.state = () => Promise.reject(new DriverError("unavailable", "host a-other can't be reached"));
  await expect(driver.state("vm-1", signal)).rejects.toThrow("a-other");
  settle("vm-1", "b-local");
  expect(await driver.state("vm-1", signal)).toBeUndefined();
});

test("a machine of a fenced host has failed, and can be removed", async () => {
  settle("vm-1", "a-other");
  hosts.set({ ...terms, id: "a-other", driver: other, reachable: false, fenced: true });
  expect(await driver.state("vm-1", signal)).toMatchObject({ state: "failed" });
  await expect(driver.start("vm-1", signal)).rejects.toMatchObject({ reason: "unavailable" });
  expect(driver.placement?.on("a-other")).toBeUndefined();
  await driver.remove("vm-1", signal);
});

test("tells of the changes of all hosts' machines", async () => {
  const { promise: told, resolve } = Promise.withResolvers<string>();
  driver.onChange(({ vmId }) => resolve(vmId));
  await driver.define({ ...machine("vm-1"), hostId: "a-other" }, signal);
  await driver.start("vm-1", signal);
  expect(await told).toBe("vm-1");
});
