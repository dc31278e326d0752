// How a machine starts: a process of its own, which waits until it is written down, and goes on then.

import type { MachineSpec } from "../driver.ts";
import { type Definition, writeBeside } from "./definition.ts";
import { type Incoming, type LaunchListener, launch, plugTaps } from "./launch.ts";
import { type MachineLife, sentenceOf } from "./machine-life.ts";
import { lookAfter } from "./machine-take-up.ts";
import type { ProcessIdentity } from "./process.ts";
import { finishRestore } from "./snapshots.ts";

/** Returns at once; what became of it shows in the state. */
export function start(life: MachineLife): void {
  if (["running", "starting", "stopping"].includes(life.state.name)) return;
  life.state.become("starting");
  void life
    .inTurnNew(() => startNow(life))
    .catch((error: unknown) => {
      if (life.off.isAsked) life.becomeStopped();
      else life.fail(sentenceOf(error));
    });
}

/** What its guest stands on must be on the disk before it executes anything. Its record need not be: a power cut ends what it tells of. */
async function startNow(life: MachineLife): Promise<void> {
  const { off, files, definition } = life;
  if (off.isAsked) return life.becomeStopped();
  life.endsFor = undefined;
  await finishRestore(files, definition.spec);
  const { spec, room } = definition;
  let writeDown = () => {};
  // While QEMU loads itself: the record takes its place when the monitor answers.
  const onProcess = (process: ProcessIdentity) => {
    writeDown = writeBeside(files.running, { process, spec, room });
  };
  await begin(life, definition, { onProcess });
  try {
    await life.kept;
    writeDown();
    await goAhead(life, spec);
  } catch (error) {
    life.endsFor = sentenceOf(error);
    await off.pullPlug(life.process);
    await life.ended;
    throw error;
  }
  if (!off.isAsked) life.state.become("running");
}

/** Its network is told of it when it goes: what that sets to work would be in the way of QEMU's loading, and no guest asks before. */
async function goAhead({ host, monitor }: MachineLife, spec: MachineSpec): Promise<void> {
  const goes = monitor?.execute("cont");
  await Promise.all([goes, plugTaps(host, spec, new AbortController().signal)]);
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
