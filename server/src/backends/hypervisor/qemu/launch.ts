// Starts a machine's process, and takes away all that a process of it had: its taps, its sockets, its control group.
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { DriverError } from "../../driver-error.ts";
import type { MachineSpec } from "../driver.ts";
import { groupsOfKvm } from "./accelerator.ts";
import { Appearing } from "./appearing.ts";
import { atMost } from "./at-most.ts";
import { commandLine, type GrownParts } from "./command-line.ts";
import type { Definition } from "./definition.ts";
import { writeFatDisk } from "./fat.ts";
import { groupOf, type Host, userOf } from "./host.ts";
import type { MachineFiles } from "./layout.ts";
import { identityOf, kill, type ProcessIdentity, placed } from "./process.ts";
import { Qmp, type QmpEvent } from "./qmp.ts";
import { seedDisk } from "./seed.ts";
import { tapOf } from "./taps.ts";

/** How long QEMU may take from its start to its monitor, in milliseconds; it takes a tenth of a second. */
export const monitorMs = 20_000;
/** How soon it is looked whether the process is still there, in milliseconds; the monitor itself is seen when it appears. Of many that start, each look delays the others. */
const lookAgainMs = 100;
/** The same where nobody tells what appears. */
const lookBlindMs = 10;
/** How much of QEMU's last words is told. */
const lastWordsLength = 300;
/** What it always says: it waits at its monitor. */
const waitingForUs = /^.*: info: QEMU waiting for connection on: .*\n/m;

export interface Launched {
  readonly process: ProcessIdentity;
  readonly monitor: Qmp;
}

/** A machine that comes from another host. */
export interface Incoming {
  /** As it is there. */
  readonly spec: MachineSpec;
  readonly parts: GrownParts;
  /** The seed's disk, as it has it there. */
  readonly seed: Buffer;
}

/** Who hears of a process that is being started. */
export interface LaunchListener {
  onEvent(event: QmpEvent): void;
  /** It is there, and loads itself yet. */
  onProcess?(process: ProcessIdentity): void;
  /** It can be told what to do when it has loaded itself. */
  onGreeting?(monitor: Qmp): void;
}

/**
 * A process that waits for `cont`, or for what comes from another host; its NICs are plugged by `plugTaps`. What it opens is made while it loads itself:
 * it opens nothing until we are connected to its monitor. Where it can't be had, nothing of it is left.
 *
 * @throws DriverError "refused" with QEMU's own words.
 */
export async function launch(
  host: Host,
  definition: Definition,
  files: MachineFiles,
  listener: LaunchListener,
  incoming?: Incoming,
): Promise<Launched> {
  const { spec } = definition;
  let process: ProcessIdentity | undefined;
  try {
    const [begun, prepared] = await Promise.allSettled([
      startAt(host, definition, files, incoming?.parts),
      prepare(host, spec, files, incoming?.seed),
    ]);
    if (begun.status === "rejected") throw begun.reason;
    process = begun.value;
    if (prepared.status === "rejected") throw prepared.reason;
    listener.onProcess?.(process);
    return { process, monitor: await monitorOf(host, files, process.pid, listener) };
  } catch (error) {
    if (process !== undefined) kill(process);
    await clearAway(host, spec, files);
    throw error;
  }
}

/** @throws DriverError "refused" with the words of whatever failed on the way to QEMU. */
async function startAt(
  host: Host,
  definition: Definition,
  files: MachineFiles,
  incoming: GrownParts | undefined,
): Promise<ProcessIdentity> {
  const { spec, slots } = definition;
  const controlGroups = host.cgroups.make(groupOf(host, spec.vmId), spec);
  const groups = host.accelerator.name === "kvm" ? groupsOfKvm() : [];
  const place = { uid: userOf(host, spec.vmId), groups, namespace: undefined };
  const args = commandLine({
    ...definition,
    ...(incoming !== undefined && { incoming }),
    files,
    slots: new Map(Object.entries(slots)),
    accelerator: host.accelerator,
  });
  rmSync(files.sockets, { recursive: true, force: true });
  mkdirSync(files.sockets, { recursive: true, mode: 0o700 });
  give(host, spec, files.sockets);
  writeFileSync(files.log, "");
  const words = placed(host.program, args, place);
  const start = () => host.starter.start({ words, log: files.log, controlGroups });
  // The small process that starts programs may end just then; another has taken its place by the next try.
  const pid = await start()
    .catch(start)
    .catch(() => 0);
  const process = pid === 0 ? undefined : identityOf(pid);
  if (process === undefined) throw new DriverError("refused", lastWords(files));
  return process;
}

/** What its process opens: its taps, in no port yet, and its files. */
async function prepare(host: Host, spec: MachineSpec, files: MachineFiles, seed = seedDisk(spec)): Promise<void> {
  const names = spec.nics.map((nic) => tapOf(spec, nic));
  const taps = host.taps?.createNew(host.starter, names, userOf(host, spec.vmId));
  try {
    writeFatDisk(files.seed, seed);
    writeFileSync(files.consoleLog, "", { flag: "a", mode: 0o600 });
    const disks = spec.disks.map(({ id }) => files.disk(id));
    for (const file of [files.seed, files.consoleLog, ...disks]) give(host, spec, file);
  } finally {
    await taps;
  }
}

/** Joins a machine's NICs to their ports. Again: changes nothing. */
export async function plugTaps(host: Host, spec: MachineSpec, signal: AbortSignal): Promise<void> {
  for (const nic of spec.nics) if (nic.portId !== "") await host.taps?.plug(tapOf(spec, nic), nic, signal);
}

/** Takes a machine's NICs off their ports, which are free for another host then; the taps stay. */
export async function unplugTaps(host: Host, spec: MachineSpec, signal: AbortSignal): Promise<void> {
  for (const nic of spec.nics) await host.taps?.unplug(tapOf(spec, nic), signal);
}

/** Makes a file the machine's user's. */
export function give(host: Host, { vmId }: Pick<MachineSpec, "vmId">, file: string): void {
  const uid = userOf(host, vmId);
  if (uid !== undefined) chownSync(file, uid, uid);
}

/** The process's monitor, as soon as it answers. @throws DriverError "refused" with QEMU's own words. */
export async function monitorOf(
  { clock }: Host,
  files: MachineFiles,
  pid: number,
  { onEvent, onGreeting }: LaunchListener,
): Promise<Qmp> {
  const deadline = clock.now() + monitorMs;
  const sockets = new Appearing(files.sockets);
  try {
    for (;;) {
      const appears = sockets.next();
      const isThere = existsSync(files.monitor);
      const monitor = isThere ? await Qmp.open(files.monitor, onEvent, onGreeting).catch(() => undefined) : undefined;
      if (monitor !== undefined) return monitor;
      if (identityOf(pid) === undefined || clock.now() > deadline) throw new DriverError("refused", lastWords(files));
      await atMost(clock, isThere || sockets.isBlind ? lookBlindMs : lookAgainMs, appears);
    }
  } finally {
    sockets.close();
  }
}

/** What is left of a process that has ended. */
export async function clearAway(host: Host, spec: MachineSpec, files: MachineFiles): Promise<void> {
  const { signal } = new AbortController();
  for (const nic of spec.nics) await host.taps?.remove(tapOf(spec, nic), signal).catch(() => {});
  rmSync(files.sockets, { recursive: true, force: true });
  await host.cgroups.remove(groupOf(host, spec.vmId));
}

/** Why QEMU ended, as it says. */
export function lastWords(files: MachineFiles): string {
  try {
    const words = readFileSync(files.log, "utf8").replace(waitingForUs, "").trim().slice(-lastWordsLength);
    return words === "" ? "QEMU ended without a word" : `QEMU said: ${words}`;
  } catch {
    return "QEMU ended without a word";
  }
}
