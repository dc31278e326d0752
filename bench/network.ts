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
/** What takes many seconds: the round whose ratio is in the middle counts, since hosts take more or fewer steps to the same end. */
const rounds = 5;
/**
 * What takes a moment is done more often, as by a server that has run for a while: its code is compiled by then, which takes some ten thousand
 * ports. The best of each side counts: a machine has other things to do now and then.
 */
const warmRounds = 40;
/** Each call has its own, as the engine's have: thousands of listeners on one are slow. */
const never = () => new AbortController().signal;

/** Measures for six to nine minutes. */
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

/** What both sides took, in milliseconds. */
interface Round {
  readonly value: number;
  readonly floor: number;
}

/** The sides take turns: a machine that is busy for a while is so for both. */
async function inTurns(ours: () => Promise<number>, bare: () => Promise<number>, times: number): Promise<Round[]> {
  const turns: Round[] = [];
  for (let count = 0; count < times; count++) turns.push({ value: await ours(), floor: await bare() });
  return turns;
}

/** The least of each side. */
async function best(...sides: Parameters<typeof inTurns>): Promise<Round> {
  const turns = await inTurns(...sides);
  return {
    value: Math.min(...turns.map(({ value }) => value)),
    floor: Math.min(...turns.map(({ floor }) => floor)),
  };
}

/** The round whose ratio is in the middle. */
async function middle(...sides: Parameters<typeof inTurns>): Promise<Round> {
  const turns = await inTurns(...sides);
  const sorted = turns.toSorted((a, b) => a.value / a.floor - b.value / b.floor);
  return sorted[Math.floor(sorted.length / 2)] ?? { value: Number.NaN, floor: Number.NaN };
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

/** Answers milliseconds, from the first call to the last answer; what the calls are given is there before. */
async function ensurePorts(driver: OvnNetwork, count: number): Promise<number> {
  const calls = portsOf(count).map((port) => [port, never()] as const);
  return timed(() => Promise.all(calls.map(([port, signal]) => driver.ensure(port, signal))));
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
      return ensurePorts(driver, ports);
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

function rates(name: string, { value, floor }: Round): Figure {
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
  const { value, floor } = await middle(ours, bare, rounds);
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
  const { value, floor } = await middle(ours, () => barePlugged(recorded, 0), rounds);
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
    const reading = () => withBare(ovn, (client) => timed(() => record(client, () => false)));
    return await best(ours, reading, 2);
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
    warmRounds / 8,
  );
  return { name: "a port's write at 5,000 ports / at 100", value, floor, ratio: value / floor, unit: "ms" };
}

async function perPort(count: number): Promise<number> {
  await using ovn = await startDatabases();
  return await withDriver(ovn, async (driver) => {
    await ensureBase(driver, count);
    return (await ensurePorts(driver, count)) / count;
  });
}
