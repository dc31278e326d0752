// How a machine that was there before this driver is found again: its process runs on whoever looks after it.
import { existsSync } from "node:fs";
import { type Running, writeRunning } from "./definition.ts";
import { clearAway, monitorMs, monitorOf, plugTaps } from "./launch.ts";
import { afterEnd, watch } from "./machine-end.ts";
import type { MachineLife } from "./machine-life.ts";
import { endCopying } from "./move-jobs.ts";
import { isAlive, kill } from "./process.ts";
import type { Qmp } from "./qmp.ts";
import { survey } from "./survey.ts";

/** How often what a found process refuses is asked again, in milliseconds. */
const againMs = 200;

/** @param running what is known of its process; undefined: it has none. */
export async function takeUp(life: MachineLife, running: Running | undefined): Promise<void> {
  const { host, files, definition } = life;
  if (running === undefined) {
    // Taps and sockets may be left of a start that was cut short before it had a process.
    if (existsSync(files.sockets)) await clearAway(host, definition.spec, files);
    return;
  }
  life.running = running;
  if (!isAlive(running.process, definition.uuid)) return afterEnd(life, "it ended while its host was not watched");
  try {
    const monitor = await monitorOf(host, files, running.process.pid, life.hear);
    watch(life, monitor);
    await goOn(life, running, monitor);
  } catch {
    kill(running.process, definition.uuid);
    await life.ended;
    return afterEnd(life, "its monitor did not answer after the host's agent was restarted");
  }
}

/** Has a process that was found do what it did. What it refuses now (it is still ending a copy) is asked again: only one that never does is ended. */
async function goOn(life: MachineLife, running: Running, monitor: Qmp): Promise<void> {
  const { host, files } = life;
  for (const deadline = host.clock.now() + monitorMs; ; ) {
    try {
      const now = { ...running, spec: await survey(monitor, running.spec) };
      life.running = now;
      writeRunning(files, now);
      life.state.become("running");
      if (life.isHandedOver) return;
      await endCopying(monitor);
      // A port may be gone: the machine runs on.
      await plugTaps(host, now.spec, new AbortController().signal).catch(() => {});
      await monitor.execute("cont");
      return;
    } catch (error) {
      if (host.clock.now() > deadline || life.monitor === undefined) throw error;
      await host.clock.sleep(againMs);
    }
  }
}
