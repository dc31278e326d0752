// One machine's start, ours and a bare QEMU's by turns.
import { setTimeout as wait } from "node:timers/promises";
import { tapOf } from "../../server/src/backends/hypervisor/qemu/taps.ts";
import { median } from "../numbers/median.ts";
import { BareTap, bareGuestOf } from "./bare.ts";
import { type Figure, figure } from "./figure.ts";
import { monotonicMs } from "./observer.ts";
import { newName, untilWritten, type World } from "./world.ts";

/** The middle of some rounds counts, for both sides: a machine has other things to do now and then. */
const instructionRounds = 13;
/** Each is two emulated guests' boots: ten seconds. */
const addressRounds = 5;
/** Milliseconds in which the network's daemons are done with the tap that went or came before: either side starts on a machine at rest. */
const restMs = 1_200;
/** MiB: enough for the tiny guest's kernel. */
const memory = 128;

interface Times {
  /** Milliseconds. */
  readonly ours: number;
  readonly bare: number;
}

/** Until when a guest is watched. Answers the moment. */
type Until = (guest: { readonly console: string; readonly executes: number }) => Promise<number>;

export async function instructions(world: World): Promise<Figure> {
  const until: Until = async ({ executes }) => executes;
  return middle("API call to the guest's first instruction / bare qemu", world, instructionRounds, until);
}

export async function addresses(world: World): Promise<Figure> {
  const until: Until = async ({ console }) => {
    await untilWritten(console, `address eth0 ${world.seat.ipAddress}`);
    return monotonicMs();
  };
  return middle("API call to the guest's first DHCP address / bare qemu", world, addressRounds, until);
}

async function middle(what: string, world: World, rounds: number, until: Until): Promise<Figure> {
  const took: Times[] = [];
  for (let round = 0; round < rounds; round++) took.push(await oneRound(world, until));
  const [ours, bare] = [median(took.map((one) => one.ours)), median(took.map((one) => one.bare))];
  return figure(what, ours, bare, "ms");
}

/** Makes a machine and takes it away again; then a bare one of what it was. */
async function oneRound({ cloud, guests, observer, seat }: World, until: Until): Promise<Times> {
  const spec = { cpu: 1, memory, imageId: "tiny", network: [{ id: "eth0", portId: seat.portId }] };
  await wait(restMs);
  const start = monotonicMs();
  const { id: vmId } = await cloud.vms.create({ name: newName(), spec });
  const { pid, atMs } = await observer.executing(vmId);
  const ours = (await until({ console: guests.files(vmId).consoleLog, executes: atMs })) - start;
  const copy = bareGuestOf(guests, vmId, pid);
  await cloud.vms.delete(vmId);
  await cloud.vms.waitUntilGone(vmId);
  const tap = await BareTap.plug(guests, tapOf({ vmId }, { id: "eth0" }), seat.portId);
  try {
    await wait(restMs);
    const began = await observer.start(copy.word, copy.words);
    const { atMs: executes } = await observer.executing(copy.word);
    return { ours, bare: (await until({ console: copy.console, executes })) - began };
  } finally {
    await observer.end(copy.word);
    await tap.pull();
    copy.remove();
  }
}
