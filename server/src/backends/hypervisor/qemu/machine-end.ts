// How a machine's process ends, asked for or not, and what follows.
import { type Running, writeRunning } from "./definition.ts";
import { clearAway, lastWords, monitorMs } from "./launch.ts";
import type { MachineLife } from "./machine-life.ts";
import { isAlive, kill } from "./process.ts";
import type { Qmp } from "./qmp.ts";

/** Has the monitor answer for the machine, until its process ends. */
export function watch(life: MachineLife, monitor: Qmp): void {
  life.answersBy(monitor);
  life.ended = monitor.closed.then(() => (life.detached ? undefined : afterEnd(life, "")));
}

/** The process is gone, or going. Without a word before it died; asked for or by the guest's own will it is stopped. */
export async function afterEnd(life: MachineLife, reason: string): Promise<void> {
  life.isSilent();
  const { running, files, host, definition } = life;
  const wanted = life.state.name === "stopping";
  if (running === undefined) return;
  await untilGone(life, running);
  life.running = undefined;
  writeRunning(files, undefined);
  const { spec } = definition;
  await clearAway(host, { ...spec, nics: [...spec.nics, ...running.spec.nics] }, files);
  if (wanted || life.guestAskedToEnd) life.becomeStopped();
  else life.fail(reason || `its process died: ${lastWords(files)}`);
}

async function untilGone({ host, definition }: MachineLife, { process }: Running): Promise<void> {
  const deadline = host.clock.now() + monitorMs;
  while (isAlive(process, definition.uuid)) {
    if (host.clock.now() > deadline) kill(process, definition.uuid);
    await host.clock.sleep(5);
  }
}

/** Asks its guest to shut down; returns at once. */
export function stop(life: MachineLife, graceMs: number): void {
  const { state, off } = life;
  if (state.name === "failed") state.become("stopped");
  if (state.name === "stopped") return;
  const ask = off.ask(graceMs);
  state.become("stopping");
  if (ask !== undefined) void life.inTurn(async () => {}).then(() => ask(() => life.power));
}

/** Ends it at once. */
export async function end(life: MachineLife): Promise<void> {
  life.off.wait();
  const { running, monitor } = life;
  if (running === undefined) return;
  life.state.become("stopping");
  await life.off.pullPlug({ running, monitor });
  await monitor?.closed;
  await life.ended;
}
