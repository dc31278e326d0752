// One machine's start, ours and a bare QEMU's by turns.
import { tapOf } from "../../server/src/backends/hypervisor/qemu/taps.ts";
import { BareTap, bareGuestOf } from "./bare.ts";
import { type Figure, figure } from "./figure.ts";
import { monotonicMs } from "./observer.ts";
import { newName, untilWritten, type World } from "./world.ts";

/** The best of some rounds counts, for both sides: a machine has other things to do now and then. */
const instructionRounds = 8;
/** Each is two emulated guests' boots: ten seconds. */
const addressRounds = 3;
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
  return best("API call to the guest's first instruction / bare qemu", world, instructionRounds, until);
}

export async function addresses(world: World): Promise<Figure> {
  const until: Until = async ({ console }) => {
    await untilWritten(console, `address eth0 ${world.seat.ipAddress}`);
    return monotonicMs();
  };
  return best("API call to the guest's first DHCP address / bare qemu", world, addressRounds, until);
}

async function best(what: string, world: World, rounds: number, until: Until): Promise<Figure> {
  let best: Times = { ours: Number.POSITIVE_INFINITY, bare: Number.POSITIVE_INFINITY };
  for (let round = 0; round < rounds; round++) {
    const took = await oneRound(world, until);
    best = { ours: Math.min(best.ours, took.ours), bare: Math.min(best.bare, took.bare) };
  }
  return figure(what, best.ours, best.bare, "ms");
}

/** Makes a machine and takes it away again; then a bare one of what it was. */
async function oneRound({ cloud, guests, observer, seat }: World, until: Until): Promise<Times> {
  const spec = { cpu: 1, memory, imageId: "tiny", network: [{ id: "eth0", portId: seat.portId }] };
  const start = monotonicMs();
  const { id: vmId } = await cloud.vms.create({ name: newName(), spec });
  const { pid, atMs } = await observer.executing(vmId);
  const ours = (await until({ console: guests.files(vmId).consoleLog, executes: atMs })) - start;
  const copy = bareGuestOf(guests, vmId, pid);
  await cloud.vms.delete(vmId);
  await cloud.vms.waitUntilGone(vmId);
  const tap = await BareTap.plug(guests, tapOf({ vmId }, { id: "eth0" }), seat.portId);
  try {
    const began = await observer.start(copy.word, copy.words);
    const { atMs: executes } = await observer.executing(copy.word);
    return { ours, bare: (await until({ console: copy.console, executes })) - began };
  } finally {
    await observer.end(copy.word);
    await tap.pull();
    copy.remove();
  }
}
