// What the cloud adds to a machine's start: from the API's call to the guest's first instruction and to its first address, beside a bare QEMU
// with the same words, files and port; many machines at once; and the server's memory for each.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { startTestCloud } from "@photoncloud/server/testing";
import { tapOf } from "../server/src/backends/hypervisor/qemu/taps.ts";
import { guestsMissing } from "../test/compute/guest-cloud.ts";
import { type BareGuest, BareTap, bareGuestOf } from "./machines/bare.ts";
import { moves } from "./machines/moves.ts";
import { clientIn, residentBytes, startWorld, untilExecuting, untilWritten, type World } from "./machines/world.ts";
import type { Figure } from "./main.ts";

/** Each start is an emulated guest's boot: seconds. The best counts, for both sides. */
const rounds = 2;
const manySimulated = 50;
const manyReal = 10;
/** MiB: enough for the tiny guest's kernel. */
const [memory, smallMemory] = [128, 96];

interface Times {
  /** Milliseconds. */
  readonly instruction: number;
  readonly address: number;
}

/** Measures for about two minutes. */
export async function bench(): Promise<Figure[]> {
  const figures = [await simulatedAtOnce()];
  const missing = guestsMissing();
  if (missing !== undefined) {
    console.log(`  real guests skipped: ${missing}`);
    return figures;
  }
  const world = await startWorld();
  try {
    return [...figures, ...(await starts(world)), ...(await realAtOnce(world)), await moves()];
  } finally {
    await world.stop();
  }
}

function figure(what: string, value: number, floor: number, unit: string): Figure {
  return { name: what, value, floor, ratio: value / floor, unit };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

let names = 0;
const name = () => `bench-${++names}`;

const times = <T>(count: number, make: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)));

/** The floor is what any resource costs that the server makes: a VPC. */
async function simulatedAtOnce(): Promise<Figure> {
  const server = await startTestCloud();
  try {
    const cloud = await clientIn(server);
    const vms = () =>
      times(manySimulated, () =>
        cloud.vms.create({ name: name(), spec: { cpu: 1, memory: 512 } }, { wait: "settled" }),
      );
    const vpcs = () =>
      times(manySimulated, () => cloud.vpcs.create({ name: name(), cidr: "10.0.0.0/16" }, { wait: "settled" }));
    let [value, floor] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let round = 0; round < rounds; round++) {
      value = Math.min(value, await timed(vms));
      floor = Math.min(floor, await timed(vpcs));
    }
    return figure(`${manySimulated} simulated machines at once until they run / as many VPCs`, value, floor, "ms");
  } finally {
    await server.stop();
  }
}

async function starts(world: World): Promise<Figure[]> {
  const [ours, bare]: [Times[], Times[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const { took, vmId, copy } = await ourStart(world);
    ours.push(took);
    bare.push(await bareStart(world, vmId, copy));
  }
  const best = (all: readonly Times[], which: keyof Times) => Math.min(...all.map((one) => one[which]));
  const one = (what: string, which: keyof Times) => figure(what, best(ours, which), best(bare, which), "ms");
  return [
    one("API call to the guest's first instruction / bare qemu", "instruction"),
    one("API call to the guest's first DHCP address / bare qemu", "address"),
  ];
}

/** Makes a machine and takes it away again. */
async function ourStart({ cloud, guests, seat: { portId, ipAddress } }: World) {
  const start = performance.now();
  const spec = { cpu: 1, memory, imageId: "tiny", network: [{ id: "eth0", portId }] };
  const { id: vmId } = await cloud.vms.create({ name: name(), spec });
  const pid = await untilExecuting(vmId);
  const instruction = performance.now() - start;
  await untilWritten(guests.files(vmId).consoleLog, `address eth0 ${ipAddress}`);
  const took: Times = { instruction, address: performance.now() - start };
  const copy = bareGuestOf(guests, vmId, pid);
  await cloud.vms.delete(vmId);
  await cloud.vms.waitUntilGone(vmId);
  return { took, vmId, copy };
}

async function bareStart({ guests, seat }: World, vmId: string, copy: BareGuest): Promise<Times> {
  const tap = await BareTap.plug(guests, tapOf({ vmId }, { id: "eth0" }), seat.portId);
  const start = performance.now();
  const end = copy.start();
  try {
    await untilExecuting(copy.word);
    const instruction = performance.now() - start;
    await untilWritten(copy.console, `address eth0 ${seat.ipAddress}`);
    return { instruction, address: performance.now() - start };
  } finally {
    await end();
    await tap.pull();
    copy.remove();
  }
}

/** Until each guest executes its first instruction. Those of the bare side have no network. */
async function realAtOnce({ cloud, guests }: World): Promise<Figure[]> {
  const before = heapInUse();
  const made: { readonly vmId: string; readonly pid: number }[] = [];
  const value = await timed(() =>
    times(manyReal, async () => {
      const { id } = await cloud.vms.create({ name: name(), spec: { cpu: 1, memory: smallMemory, imageId: "tiny" } });
      made.push({ vmId: id, pid: await untilExecuting(id) });
    }),
  );
  const serversBytes = (heapInUse() - before) / manyReal;
  const guestsBytes = Math.max(...made.map(({ pid }) => residentBytes(pid)));
  const copies = made.map(({ vmId, pid }) => bareGuestOf(guests, vmId, pid));
  await Promise.all(made.map(({ vmId }) => cloud.vms.delete(vmId)));
  await Promise.all(made.map(({ vmId }) => cloud.vms.waitUntilGone(vmId)));
  const floor = await bareAtOnce(copies);
  return [
    figure(`${manyReal} machines at once until all execute / bare qemu`, value, floor, "ms"),
    figure("the server's memory for a machine / its QEMU's", serversBytes / 1024, guestsBytes / 1024, "KiB"),
  ];
}

async function bareAtOnce(copies: readonly BareGuest[]): Promise<number> {
  const ends: (() => Promise<void>)[] = [];
  try {
    return await timed(async () => {
      ends.push(...copies.map((copy) => copy.start()));
      await Promise.all(copies.map(({ word }) => untilExecuting(word)));
    });
  } finally {
    await Promise.all(ends.map((end) => end()));
    for (const copy of copies) copy.remove();
  }
}

/** After a collection, in bytes: resident memory that is not in use comes and goes with other work. */
function heapInUse(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

if (import.meta.main) console.table(await bench());
