// When comparisons are made, and by whom.
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { VpcSchema } from "@photoncloud/proto/gen/prismnet/v1/vpc_pb";
import { simulatedDrivers } from "../../backends/detect.ts";
import { DriverError } from "../../backends/driver-error.ts";
import type { Audit, NetworkDriver } from "../../backends/network/driver.ts";
import { silentLog } from "../../engine/hooks.ts";
import { ManualClock } from "../../engine/testing/manual-clock.ts";
import { openSmallCloud, type SmallCloud } from "../testing/small-cloud.ts";
import { NetworkWatcher } from "./watcher.ts";

const minute = 60_000;

let cloud: SmallCloud;
let clock: ManualClock;
let audits: number;
let outcome: () => Promise<Audit>;
let reset: () => void;
let network: NetworkDriver;
const watchers: NetworkWatcher[] = [];
beforeEach(async () => {
  cloud = await openSmallCloud({ drivers: simulatedDrivers() });
  await cloud.make(VpcSchema, { name: "main", cidr: "10.0.0.0/16" });
  clock = new ManualClock();
  audits = 0;
  outcome = async () => ({ drifted: [], strays: [], foreign: [] });
  const listeners: (() => void)[] = [];
  reset = () => {
    for (const tell of listeners) tell();
  };
  network = Object.assign(Object.create(cloud.drivers.network), {
    volatile: false,
    audit() {
      audits++;
      return outcome();
    },
    onReset(listener: () => void) {
      listeners.push(listener);
      return () => {};
    },
  });
});
afterEach(async () => {
  await Promise.all(watchers.splice(0).map((watcher) => watcher.stop()));
  await cloud.stop();
});

function watcher(): NetworkWatcher {
  const { store, resources } = cloud;
  const slices = resources.slices;
  const made = new NetworkWatcher({ store, slices, network, clock, random: () => 0.5, log: silentLog });
  watchers.push(made);
  return made;
}

/** Lets everything that is under way come to rest. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
}

async function pass(ms: number): Promise<void> {
  clock.advance(ms);
  await settle();
}

describe("the network watcher", () => {
  test("compares at the start and every ten minutes", async () => {
    watcher().start();
    await settle();
    expect(audits).toBe(1);
    await pass(9 * minute);
    expect(audits).toBe(1);
    await pass(minute + 1);
    expect(audits).toBe(2);
  });

  test("compares when the backend was away", async () => {
    watcher().start();
    await settle();
    await pass(1_000);
    reset();
    await settle();
    expect(audits).toBe(2);
  });

  test("is one of many servers: each time one of them compares", async () => {
    for (let server = 0; server < 3; server++) watcher().start();
    await settle();
    const atStart = audits;
    await pass(10 * minute + 1);
    expect(audits).toBe(atStart + 1);
  });

  test("tries again soon when the backend does not answer", async () => {
    outcome = () => Promise.reject(new DriverError("unavailable", "no connection"));
    watcher().start();
    await settle();
    await pass(30_001);
    expect(audits).toBe(2);
  });

  test("leaves the start to the engine where the backend begins empty", async () => {
    Object.assign(network, { volatile: true });
    watcher().start();
    await settle();
    expect(audits).toBe(0);
  });

  test("checks at once when asked, once for all who ask together", async () => {
    const asked = watcher();
    const [one, two] = await Promise.all([asked.check(), asked.check()]);
    expect(one).toMatchObject({ objects: 1, drifted: [] });
    expect(two).toMatchObject({ objects: 1 });
  });
});
