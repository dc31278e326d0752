// How a machine starts: a process of its own, which waits until it is written down, and goes on then.
import { type Definition, prepareWhole } from "./definition.ts";
import { type Incoming, type LaunchListener, launch } from "./launch.ts";
import { type MachineLife, sentenceOf } from "./machine-life.ts";
import { lookAfter } from "./machine-take-up.ts";
import type { ProcessIdentity } from "./process.ts";
import { finishRestore } from "./snapshots.ts";

/** Returns at once; what became of it shows in the state. */
export function start(life: MachineLife): void {
  if (["running", "starting", "stopping"].includes(life.state.name)) return;
  life.state.become("starting");
  void life
    .inTurn(() => startNow(life))
    .catch((error: unknown) => {
      if (life.off.isAsked) life.becomeStopped();
      else life.fail(sentenceOf(error));
    });
}

async function startNow(life: MachineLife): Promise<void> {
  const { off, files, definition } = life;
  if (off.isAsked) return life.becomeStopped();
  await finishRestore(files, definition.spec);
  const { spec, room } = definition;
  let prepared: Promise<() => void> | undefined;
  // While QEMU loads itself: it can be written down as soon as its monitor answers.
  const onProcess = (process: ProcessIdentity) => {
    prepared = prepareWhole(files.running, { process, spec, room });
    prepared.catch(() => {});
  };
  await begin(life, definition, { onProcess });
  try {
    (await prepared)?.();
    await life.monitor?.execute("cont");
  } catch (error) {
    await off.pullPlug(life.process);
    await life.ended;
    throw error;
  }
  if (!off.isAsked) life.state.become("running");
}

/** A process that waits for `cont`, or for what comes from another host. */
export async function begin(
  life: MachineLife,
  definition: Definition,
  { onProcess, incoming }: Pick<LaunchListener, "onProcess"> & { readonly incoming?: Incoming },
): Promise<void> {
  const listener = { onEvent: life.hear, ...(onProcess && { onProcess }) };
  const { process, monitor } = await launch(life.host, definition, life.files, listener, incoming);
  life.running = { process, spec: definition.spec, room: definition.room };
  life.isSo = incoming === undefined ? definition.spec : undefined;
  lookAfter(life, monitor);
}
