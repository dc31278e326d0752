// How a machine starts: a process of its own, which waits until it is written down, and goes on then.

import { type Definition, writeBeside, writeRunning } from "./definition.ts";
import { type Incoming, type LaunchListener, launch, plugTaps } from "./launch.ts";
import { type MachineLife, sentenceOf } from "./machine-life.ts";
import { lookAfter } from "./machine-take-up.ts";
import type { ProcessIdentity } from "./process.ts";
import type { Qmp } from "./qmp.ts";
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
  const going = new Going(life, definition);
  await begin(life, definition, going).catch((error: unknown) => {
    writeRunning(files, undefined);
    throw error;
  });
  try {
    await going.on();
    // Its network is told of it when it goes: what that sets to work would be in the way of QEMU's loading, and no guest asks before.
    await plugTaps(life.host, definition.spec, new AbortController().signal);
  } catch (error) {
    life.endsFor = sentenceOf(error);
    await off.pullPlug(life.process);
    await life.ended;
    throw error;
  }
  if (!off.isAsked) life.state.become("running");
}

/** A process is written down while it loads itself, and told to go on at its first word, so that it asks for nothing when it has. */
class Going {
  readonly #life: MachineLife;
  readonly #definition: Definition;
  #isKept = false;
  #writeDown = () => {};
  #goes: Promise<unknown> | undefined;

  constructor(life: MachineLife, definition: Definition) {
    this.#life = life;
    this.#definition = definition;
    life.kept.then(
      () => (this.#isKept = true),
      () => {},
    );
  }

  readonly onProcess = (process: ProcessIdentity): void => {
    const { spec, room } = this.#definition;
    this.#writeDown = writeBeside(this.#life.files.running, { process, spec, room });
  };

  readonly onGreeting = (monitor: Qmp): void => {
    if (this.#isKept) this.#tell(monitor);
  };

  /** Resolves when it goes. @throws what kept it from it. */
  async on(): Promise<void> {
    const { kept, monitor } = this.#life;
    await kept;
    if (this.#goes === undefined && monitor !== undefined) this.#tell(monitor);
    await this.#goes;
  }

  #tell(monitor: Qmp): void {
    this.#writeDown();
    this.#goes = monitor.execute("cont");
    this.#goes.catch(() => {});
  }
}

/** A process that waits for `cont`, or for what comes from another host. */
export async function begin(
  life: MachineLife,
  definition: Definition,
  listener: Omit<LaunchListener, "onEvent">,
  incoming?: Incoming,
): Promise<void> {
  const hearing = { ...listener, onEvent: life.hear };
  life.beginsAnew();
  const { process, monitor } = await launch(life.host, definition, life.files, hearing, incoming);
  life.running = { process, spec: definition.spec, room: definition.room };
  life.isSo = incoming === undefined ? definition.spec : undefined;
  lookAfter(life, monitor);
}
