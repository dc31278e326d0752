// Has a guest go on that stands still: a driver ended in the middle of its move, its move was given up, or it has come from another host. What its
// process refuses now is asked again, and told as the machine's trouble: a guest is never ended because a question failed.
import { atMost } from "./at-most.ts";
import { plugTaps } from "./launch.ts";
import { type MachineLife, sentenceOf } from "./machine-life.ts";
import { adoptConnections } from "./move-connections.ts";
import type { Qmp } from "./qmp.ts";

/** The pause before what was refused is asked again, doubled each time. Milliseconds: what ends a copy refuses for some tenths of a second. */
const [firstPauseMs, longestPauseMs] = [50, 5_000];

/** Returns when it goes on with all its ports, or its monitor is gone. @param first asked before, again and again as well. */
export async function goOn(life: MachineLife, monitor: Qmp, first?: () => Promise<void>): Promise<void> {
  life.holdUp();
  await insist(life, monitor, "its guest can't go on yet", async () => {
    await first?.();
    // Where it can't be plugged in yet it runs on without.
    await plug(life).catch(() => {});
    await monitor.execute("cont");
    life.goesOn();
  });
  await insist(life, monitor, "it can't be plugged into its network yet", () => plug(life));
  void adopt(life, monitor).catch(() => {});
}

/** Does it until it succeeds, or the monitor is gone. @param what is not possible yet, as the beginning of a sentence. */
export async function insist(life: MachineLife, monitor: Qmp, what: string, work: () => Promise<void>): Promise<void> {
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      await work();
      return life.tellTrouble(undefined);
    } catch (error) {
      if (monitor.isClosed) return;
      life.tellTrouble(`${what}: ${sentenceOf(error)}; that is tried again`);
      await atMost(life.host.clock, pauseMs, monitor.closed);
    }
  }
}

/** What went on over its ports goes on. */
async function adopt(life: MachineLife, monitor: Qmp): Promise<void> {
  const { host, running, connections } = life;
  if (running === undefined || connections.size === 0) return;
  life.connections = new Map();
  const gone = new AbortController();
  void monitor.closed.then(() => gone.abort());
  await adoptConnections(host, running.spec, connections, gone.signal);
}

async function plug({ host, running }: MachineLife): Promise<void> {
  if (running !== undefined) await plugTaps(host, running.spec, new AbortController().signal);
}
