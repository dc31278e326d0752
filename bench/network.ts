// What the network driver costs beside a client that knows all its rows beforehand: its writes alone, and until they are at work on a host.
import { setTimeout } from "node:timers/promises";
import type { NetworkObject } from "../server/src/backends/network/driver.ts";
import { type OvnNetwork, openOvnNetwork } from "../server/src/backends/network/ovn/driver.ts";
import type { Figure } from "./main.ts";
import { portsThroughApi } from "./network/api.ts";
import { BareClient } from "./network/bare-client.ts";
import { type LocalOvn, ovnMissing, startDatabases, startOvn } from "./network/local-ovn.ts";
import { baseOf, benchVpc, firstPort, portsOf } from "./network/objects.ts";
import { type Recorded, record, write } from "./network/rows.ts";

const ports = 1_000;
/** The best of some rounds counts, for both sides: a machine has other things to do now and then. */
const rounds = 2;
/** What takes a moment is done more often, as by a server that has run for a while: its code is compiled by then. */
const warmRounds = 15;
/** Each call has its own, as the engine's have: thousands of listeners on one are slow. */
const never = () => new AbortController().signal;

/** Measures for four to six minutes. */
export async function bench(): Promise<Figure[]> {
  const missing = ovnMissing();
  if (missing !== undefined) {
    console.log(`  skipped: ${missing}`);
    return [];
  }
  const recorded = await recordOf(ports);
  const figures = [await writes(recorded), await followed(recorded), await programmed(recorded)];
  return [...figures, ...(await calls()), await audited(), await growth()];
}

function isPort(name: string): boolean {
  return name.startsWith("port-");
}

/** Milliseconds. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** The least milliseconds of each side, which take turns: a machine that is busy for a while is so for both. */
async function best(
  ours: () => Promise<number>,
  bare: () => Promise<number>,
  times = rounds,
): Promise<{ value: number; floor: number }> {
  let [value, floor] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let count = 0; count < times; count++) {
    value = Math.min(value, await ours());
    floor = Math.min(floor, await bare());
  }
  return { value, floor };
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
  for (const object of baseOf(count)) await driver.ensure(object, never());
}

async function ensurePorts(driver: OvnNetwork, count: number): Promise<void> {
  await Promise.all(portsOf(count).map((port) => driver.ensure(port, never())));
}

/** What the driver writes for that many ports. */
async function recordOf(count: number): Promise<Recorded> {
  await using ovn = await startDatabases();
  await withDriver(ovn, async (driver) => {
    await ensureBase(driver, count);
    await ensurePorts(driver, count);
  });
  return await withBare(ovn, (client) => record(client, isPort));
}

async function writes(recorded: Recorded): Promise<Figure> {
  const ours = async () => {
    await using ovn = await startDatabases();
    return await withDriver(ovn, async (driver) => {
      await ensureBase(driver, ports);
      return timed(() => ensurePorts(driver, ports));
    });
  };
  const name = `Northbound writes of ${ports} ports / bare client, batches of 100`;
  return rates(name, await best(ours, () => bareWrites(recorded), warmRounds));
}

/** What no client that keeps a copy can exceed: the server tells it of every row that it wrote. */
async function followed(recorded: Recorded): Promise<Figure> {
  const following = () => bareWrites(recorded, (client) => client.follow());
  const name = "a bare client that is told of its own rows / one that is not";
  return rates(name, await best(following, () => bareWrites(recorded), warmRounds));
}

function rates(name: string, { value, floor }: { readonly value: number; readonly floor: number }): Figure {
  const rate = (ms: number) => (ports * 1000) / ms;
  return { name, value: rate(value), floor: rate(floor), ratio: floor / value, unit: "ports/s" };
}

async function bareWrites(recorded: Recorded, before: (client: BareClient) => Promise<void> = async () => {}) {
  await using ovn = await startDatabases();
  return await withBare(ovn, async (client) => {
    await client.transact(recorded.base);
    await before(client);
    return timed(() => write(client, recorded));
  });
}

async function programmed(recorded: Recorded): Promise<Figure> {
  const ids = [firstPort, ...portsOf(ports).map(({ id }) => id)];
  const ours = async () => {
    await using ovn = await startOvn();
    await ovn.plug(ids);
    return await withDriver(ovn, async (driver) => {
      await ensureBase(driver, ports);
      while ((await driver.portStatus(firstPort))?.up !== true) await setTimeout(20);
      await driver.programmed(benchVpc, never());
      return timed(async () => {
        await ensurePorts(driver, ports);
        await driver.programmed(benchVpc, never());
      });
    });
  };
  const bare = async () => {
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
  };
  const { value, floor } = await best(ours, bare);
  const name = `${ports} ports with a security group until programmed / bare client`;
  return { name, value: value / 1000, floor: floor / 1000, ratio: value / floor, unit: "s" };
}

/**
 * From the calls of the API; devices come a hundred at a time when their ports are there, for both sides. And what it costs the hosts that rows
 * come over as long as the calls take, with nothing of ours at work.
 */
async function calls(): Promise<Figure[]> {
  let recorded: Recorded = { base: [], batches: [] };
  let over = Number.POSITIVE_INFINITY;
  const ours = async () => {
    await using ovn = await startOvn();
    const took = await portsThroughApi(ovn, ports);
    recorded = await withBare(ovn, (client) => record(client, isPort));
    over = Math.min(over, took.calls);
    return took.all;
  };
  const { value, floor } = await best(ours, () => barePlugged(recorded, 0));
  const spread = Math.min(await barePlugged(recorded, over), await barePlugged(recorded, over));
  const figure = (name: string, ms: number) => ({
    name,
    value: ms / 1000,
    floor: floor / 1000,
    ratio: ms / floor,
    unit: "s",
  });
  return [
    figure(`${ports} ports from the API's calls until programmed / bare client`, value),
    figure("the bare client at the pace of those calls / at once", spread),
  ];
}

/** @param over milliseconds over which the rows are spread */
async function barePlugged(recorded: Recorded, over: number): Promise<number> {
  await using ovn = await startOvn();
  return await withBare(ovn, async (client) => {
    await client.transact(recorded.base);
    await client.handshake();
    return timed(async () => {
      await write(client, recorded, { over, afterwards: (names) => ovn.plug(names) });
      await client.handshake();
    });
  });
}

/** The aim is a second; the floor is what a bare client takes to read the rows at all. */
async function audited(): Promise<Figure> {
  const count = 10_000;
  const objects = [...baseOf(count), ...portsOf(count)];
  await using ovn = await startDatabases();
  const { value, floor } = await withDriver(ovn, async (driver) => {
    await ensureBase(driver, count);
    await ensurePorts(driver, count);
    const ours = () => timed(() => cleanAudit(driver, objects));
    return await best(ours, () => withBare(ovn, (client) => timed(() => record(client, () => false))));
  });
  const name = `audit of ${count} ports / a bare client's reading`;
  return { name, value: value / 1000, floor: floor / 1000, ratio: value / floor, unit: "s" };
}

async function cleanAudit(driver: OvnNetwork, objects: readonly NetworkObject[]): Promise<void> {
  const { drifted, strays, foreign } = await driver.audit(objects, never());
  if (drifted.length + strays.length + foreign.length > 0) throw new Error("the audit found what is not there");
}

/** Time for each port when there are 5,000, beside that when there are 100: 1 is linear. */
async function growth(): Promise<Figure> {
  const { value, floor } = await best(
    () => perPort(5_000),
    () => perPort(100),
    warmRounds / 3,
  );
  return { name: "a port's write at 5,000 ports / at 100", value, floor, ratio: value / floor, unit: "ms" };
}

async function perPort(count: number): Promise<number> {
  await using ovn = await startDatabases();
  return await withDriver(ovn, async (driver) => {
    await ensureBase(driver, count);
    return (await timed(() => ensurePorts(driver, count))) / count;
  });
}
