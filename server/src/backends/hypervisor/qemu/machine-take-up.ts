// How a machine's process is looked after until it ends. It runs on whoever looks: a driver that was restarted finds it again, and a monitor that
// was lost is opened again.
import { existsSync } from "node:fs";
import { type Running, writeRunning } from "./definition.ts";
import { clearAway, monitorMs } from "./launch.ts";
import { afterEnd } from "./machine-end.ts";
import { goOn, insist } from "./machine-going-on.ts";
import type { MachineLife } from "./machine-life.ts";
import { endCopying } from "./move-jobs.ts";
import { isAlive, kill } from "./process.ts";
import { isFull } from "./programs.ts";
import { Qmp } from "./qmp.ts";
import { survey } from "./survey.ts";

/** The pause before a process without a monitor is looked at again, doubled each time. Milliseconds. */
const [firstPauseMs, longestPauseMs] = [5, 500];
const silent = "its process does not answer its host's agent; it is asked again";

/** Finds a machine that was there before this driver. @param running what is known of its process; undefined: it has none. */
export async function takeUp(life: MachineLife, running: Running | undefined): Promise<void> {
  const { host, files, definition } = life;
  if (running === undefined) {
    // Something may be left of a start that was cut short before it had a process, or its process all that it opens.
    writeRunning(files, undefined);
    if (existsSync(files.sockets)) await clearAway(host, definition.spec, files);
    return;
  }
  life.running = running;
  const unwatched = "it ended while its host was not watched";
  if (!isAlive(running.process, definition.uuid)) return afterEnd(life, unwatched);
  life.state.become("running");
  life.isSilent();
  life.ended = untilEnd(life, unwatched);
  await life.untilClear();
  if (life.isHeldUp) life.tellTrouble(life.why ?? silent);
}

/** Has a monitor answer for a machine, until its process ends. */
export function lookAfter(life: MachineLife, monitor: Qmp): void {
  life.answersBy(monitor);
  life.goesOn();
  life.ended = untilEnd(life, undefined, monitor);
}

async function untilEnd(life: MachineLife, unwatched: string | undefined, opened?: Qmp): Promise<void> {
  let reason = unwatched;
  for (let monitor = opened; ; ) {
    monitor ??= await reopened(life);
    if (monitor === undefined) break;
    reason = undefined;
    await monitor.closed;
    life.isSilent();
    monitor = undefined;
  }
  if (!life.detached) await afterEnd(life, reason);
}

/** Undefined: its process is gone, or this driver has let go of it. */
async function reopened(life: MachineLife): Promise<Qmp | undefined> {
  const { host, files } = life;
  const lateAt = host.clock.now() + monitorMs;
  for (let pauseMs = firstPauseMs; isThere(life); pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    const monitor = await Qmp.open(files.monitor, life.hear).catch(() => undefined);
    if (monitor !== undefined && !life.detached) {
      life.answersBy(monitor);
      await takeOver(life, monitor);
      return monitor;
    }
    monitor?.close();
    if (host.clock.now() > lateAt) insistOnEnd(life);
    await host.clock.sleep(pauseMs);
  }
  return undefined;
}

function isThere({ detached, running, definition }: MachineLife): boolean {
  return !detached && running !== undefined && isAlive(running.process, definition.uuid);
}

/** A process whose guest has shut down is of no use any more; any other is let be. */
function insistOnEnd(life: MachineLife): void {
  const { running, definition, guestAskedToEnd } = life;
  if (guestAskedToEnd && running !== undefined) kill(running.process, definition.uuid);
  else life.tellTrouble(silent);
}

/** Has a process that was found do what it did; one that may be another host's is only looked at. */
async function takeOver(life: MachineLife, monitor: Qmp): Promise<void> {
  const look = async () => {
    const { running } = life;
    if (running === undefined) return;
    life.running = { ...running, spec: await survey(monitor, running.spec) };
    life.isSo = undefined;
    record(life);
  };
  if (!life.isHandedOver)
    return goOn(life, monitor, async () => {
      await look();
      await endCopying(monitor);
    });
  await insist(life, monitor, "its process can't be looked at yet", look);
  life.goesOn();
}

/** Its process is found by what was written of it before, too: a full disk does not keep a guest from going on. */
function record({ files, running }: MachineLife): void {
  try {
    writeRunning(files, running);
  } catch (error) {
    if (!isFull(error)) throw error;
  }
}
