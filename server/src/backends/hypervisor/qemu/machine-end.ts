// How a machine's process ends, asked for or not, and what follows.
import { writeRunning } from "./definition.ts";
import { clearAway, lastWords } from "./launch.ts";
import type { MachineLife } from "./machine-life.ts";

/** Its process is gone. Without a word before it died; asked for or by the guest's own will it is stopped. @param reason undefined: what QEMU said last. */
export async function afterEnd(life: MachineLife, reason?: string): Promise<void> {
  life.off.wait();
  const { running, files, host, definition } = life;
  const wanted = life.state.name === "stopping";
  if (running === undefined) return;
  life.running = undefined;
  writeRunning(files, undefined);
  const { spec } = definition;
  await clearAway(host, { ...spec, nics: [...spec.nics, ...running.spec.nics] }, files);
  if (wanted || life.guestAskedToEnd) life.becomeStopped();
  else life.fail(reason ?? life.endsFor ?? `its process died: ${lastWords(files)}`);
}

/** Asks its guest to shut down; returns at once. */
export function stop(life: MachineLife, graceMs: number): void {
  const { state, off } = life;
  if (state.name === "failed") state.become("stopped");
  if (state.name === "stopped") return;
  const ask = off.ask(graceMs);
  state.become("stopping");
  if (ask !== undefined) void life.inTurn(async () => {}).then(() => ask(() => life.process));
}

/** Ends it at once. */
export async function end(life: MachineLife): Promise<void> {
  life.off.wait();
  if (life.process === undefined) return;
  life.state.become("stopping");
  await life.off.pullPlug(life.process);
  await life.ended;
}
