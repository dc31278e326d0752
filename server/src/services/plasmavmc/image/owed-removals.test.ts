import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { DriverError } from "../../../backends/driver-error.ts";
import { sampleMachine } from "../../../backends/hypervisor/contract.ts";
import type { ImageSource } from "../../../backends/hypervisor/driver.ts";
import { Hosts } from "../../../backends/hypervisor/hosts.ts";
import { onHosts } from "../../../backends/hypervisor/on-hosts.ts";
import { type SimulatedHypervisor, simulatedHypervisor } from "../../../backends/hypervisor/simulated/index.ts";
import { systemClock } from "../../../clock.ts";
import { openSqliteStore } from "../../../store/sqlite/open.ts";
import type { Store } from "../../../store/store.ts";
import { OwedRemovals } from "./owed-removals.ts";

const { signal } = new AbortController();
const image: ImageSource = { imageId: "mine", format: "raw", architecture: "x86_64", digest: "sha256:first" };
const capacity = { cpu: 4, memoryMib: 4096, diskGib: 100 };

let store: Store;
let removals: OwedRemovals;
let far: SimulatedHypervisor;
let isAway: boolean;
const hosts = new Hosts();
const own = simulatedHypervisor();

beforeEach(async () => {
  store = await openSqliteStore({ file: ":memory:", clock: systemClock });
  removals = new OwedRemovals({ records: store.records, clock: systemClock, log: () => {} });
  const made = simulatedHypervisor();
  const remove = made.removeImage.bind(made);
  const removeImage = async (imageId: string, ends: AbortSignal) => {
    if (isAway) throw new DriverError("unavailable", "host far can't be reached");
    await remove(imageId, ends);
  };
  far = Object.assign(made, { removeImage });
  isAway = false;
  hosts.set({ id: "local", driver: own, reachable: true, fenced: false, capacity });
  hosts.set({ id: "far", driver: far, reachable: true, fenced: false, capacity });
});
afterEach(async () => {
  await removals.stop();
  await store.close();
});

const cloud = () => onHosts({ hosts, own, ownId: "local", removals });
const driverOf = (id: string) => hosts.get(id)?.driver ?? own;
const imagesThere = async () => (await far.inventory()).images;

async function removedWhileAway() {
  const driver = cloud();
  await driver.ensureImage(image, signal);
  await far.ensureImage(image, signal);
  isAway = true;
  await driver.removeImage("mine", signal);
  expect(await imagesThere()).toEqual(["mine"]);
  expect(await removals.isOwed("far", "mine")).toBe(true);
  isAway = false;
  return driver;
}

test("a host that was away removes an image when it is back", async () => {
  await removedWhileAway();
  removals.settle("far", driverOf("far"));
  while (await removals.isOwed("far", "mine")) await systemClock.sleep(1, signal);
  expect(await imagesThere()).toEqual([]);
});

test("what is owed stays owed while the host is away still", async () => {
  await removedWhileAway();
  isAway = true;
  removals.settle("far", driverOf("far"));
  await removals.stop();
  expect(await removals.isOwed("far", "mine")).toBe(true);
});

test("an image of the same id is brought only after the old one is gone", async () => {
  const driver = await removedWhileAway();
  await driver.ensureImage({ ...image, digest: "sha256:second" }, signal);
  await driver.define({ ...sampleMachine("vm-1", "mine"), hostId: "far" }, signal);
  expect(await imagesThere()).toEqual(["mine"]);
  expect(await removals.isOwed("far", "mine")).toBe(false);
});
