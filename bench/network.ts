// What the network driver costs beside a client that knows all its rows beforehand: its writes alone, and until they are at work on a host.
import { setTimeout as sleep } from "node:timers/promises";
import { type OvnNetwork, openOvnNetwork } from "../server/src/backends/network/ovn/driver.ts";
import type { Figure } from "./main.ts";
import { BareClient } from "./network/bare-client.ts";
import { type LocalOvn, ovnMissing, startDatabases, startOvn } from "./network/local-ovn.ts";
import { baseOf, benchVpc, portsOf } from "./network/objects.ts";
import { type Recorded, record, write } from "./network/rows.ts";

const ports = 1_000;
/** Machines have other things to do now and then: the best of three counts, for both sides. */
const rounds = 3;
const never = new AbortController().signal;

/** Measures for about two minutes. */
export async function bench(): Promise<Figure[]> {
  const missing = ovnMissing();
  if (missing !== undefined) {
    console.log(`  skipped: ${missing}`);
    return [];
  }
  const recorded = await recordOf(ports);
  return [await writes(recorded), await programmed(recorded), await audited(), await growth()];
}

/** Milliseconds. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function best(round: () => Promise<number>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let count = 0; count < rounds; count++) least = Math.min(least, await round());
  return least;
}

async function withDriver<T>(ovn: LocalOvn, use: (driver: OvnNetwork) => Promise<T>): Promise<T> {
  const driver = await openOvnNetwork({ northbound: ovn.northbound, southbound: ovn.southbound });
  try {
    return await use(driver);
  } finally {
    await driver.close();
  }
}

async function withBare<T>(ovn: LocalOvn, use: (client: BareClient) => Promise<T>): Promise<T> {
  const client = await BareClient.open(ovn.northbound);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

async function ensureBase(driver: OvnNetwork, count: number): Promise<void> {
  for (const object of baseOf(count)) await driver.ensure(object, never);
}

async function ensurePorts(driver: OvnNetwork, count: number, from = 0): Promise<void> {
  await Promise.all(
    portsOf(count)
      .slice(from)
      .map((port) => driver.ensure(port, never)),
  );
}

/** What the driver writes for that many ports. */
async function recordOf(count: number): Promise<Recorded> {
  await using ovn = await startDatabases();
  await withDriver(ovn, async (driver) => {
    await ensureBase(driver, count);
    await ensurePorts(driver, count);
  });
  return await withBare(ovn, (client) => record(client, (name) => name.startsWith("port-")));
}

async function writes(recorded: Recorded): Promise<Figure> {
  const value = await best(async () => {
    await using ovn = await startDatabases();
    return await withDriver(ovn, async (driver) => {
      await ensureBase(driver, ports);
      return timed(() => ensurePorts(driver, ports));
    });
  });
  const floor = await best(async () => {
    await using ovn = await startDatabases();
    return await withBare(ovn, async (client) => {
      await client.transact(recorded.base);
      return timed(() => write(client, recorded));
    });
  });
  const rate = (ms: number) => (ports * 1000) / ms;
  const name = `Northbound writes of ${ports} ports / bare client, batches of 100`;
  return { name, value: rate(value), floor: rate(floor), ratio: floor / value, unit: "ports/s" };
}

async function programmed(recorded: Recorded): Promise<Figure> {
  const ids = portsOf(ports).map(({ id }) => id);
  const value = await best(async () => {
    await using ovn = await startOvn();
    await ovn.plug(ids);
    return await withDriver(ovn, async (driver) => {
      await ensureBase(driver, ports);
      await driver.programmed(benchVpc, never);
      return timed(async () => {
        await ensurePorts(driver, ports);
        await driver.programmed(benchVpc, never);
      });
    });
  });
  const floor = await best(async () => {
    await using ovn = await startOvn();
    await ovn.plug(ids);
    return await withBare(ovn, async (client) => {
      await client.transact(recorded.base);
      await client.handshake();
      return timed(async () => {
        await write(client, recorded);
        await client.handshake();
      });
    });
  });
  const name = `${ports} ports with a security group until programmed / bare client`;
  return { name, value: value / 1000, floor: floor / 1000, ratio: value / floor, unit: "s" };
}

/** The aim is a second; the floor is what a bare client takes to read the rows at all. */
async function audited(): Promise<Figure> {
  const count = 10_000;
  await using ovn = await startDatabases();
  const value = await withDriver(ovn, async (driver) => {
    await ensureBase(driver, count);
    await ensurePorts(driver, count);
    const objects = [...baseOf(count), ...portsOf(count)];
    return best(async () => {
      await sleep(100);
      return timed(async () => {
        const { drifted, strays, foreign } = await driver.audit(objects, never);
        if (drifted.length + strays.length + foreign.length > 0) throw new Error("the audit found what is not there");
      });
    });
  });
  const floor = await best(() => withBare(ovn, (client) => timed(() => record(client, () => false))));
  return {
    name: `audit of ${count} ports / a bare client's reading`,
    value: value / 1000,
    floor: floor / 1000,
    ratio: value / floor,
    unit: "s",
  };
}

/** Time for each port when there are 5,000, beside that when there are 100: 1 is linear. */
async function growth(): Promise<Figure> {
  const few = await best(() => perPort(100));
  const many = await best(() => perPort(5_000));
  return { name: "a port's write at 5,000 ports / at 100", value: many, floor: few, ratio: many / few, unit: "ms" };
}

async function perPort(count: number): Promise<number> {
  await using ovn = await startDatabases();
  return await withDriver(ovn, async (driver) => {
    await ensureBase(driver, count);
    return (await timed(() => ensurePorts(driver, count))) / count;
  });
}
