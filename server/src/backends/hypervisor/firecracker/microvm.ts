// One Firecracker process, from its start to its end: a stopped machine's next start is another one.
import { chownSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { DriverError } from "../../driver-error.ts";
import type { MachineSpec, MachineStatistics } from "../driver.ts";
import { readLog } from "../qemu/console-log.ts";
import { writeFatDisk } from "../qemu/fat.ts";
import { groupOf, userOf } from "../qemu/host.ts";
import { identityOf, isAlive, kill, type ProcessIdentity, startProcess } from "../qemu/process.ts";
import { run } from "../qemu/programs.ts";
import { seedDisk } from "../qemu/seed.ts";
import { tapOf } from "../qemu/taps.ts";
import { call } from "./api.ts";
import { action, bootRequests, describe, diskGrew, processArguments } from "./boot.ts";
import { trimLogs } from "./console.ts";
import type { Host } from "./host.ts";
import { type MicrovmFiles, microvmFiles, processIdOf } from "./layout.ts";
import { type Running, writeRecord } from "./records.ts";
import { usageOf } from "./usage.ts";

/** How it came to its end. */
export interface End {
  /** The guest shut down: Firecracker left of its own will. */
  readonly orderly: boolean;
  /** Firecracker's last words, a sentence. */
  readonly words: string;
}

/** How long Firecracker may take until it answers, in milliseconds; it takes some. */
const answersMs = 20_000;
/** How often a new process is asked whether it answers, and a dying one whether it is gone. */
const soonMs = 10;
/** How often a console's file is looked at, in milliseconds. */
const trimMs = 10_000;
/** How much of its last words is told, and how much of its log is looked through for them; in bytes. */
const [lastWordsLength, lastLines] = [300, 8_192];

export class Microvm {
  readonly #host: Host;
  readonly #files: MicrovmFiles;
  #running: Running;
  readonly #letGo = new AbortController();
  readonly #gone = new AbortController();
  readonly #ended: Promise<End>;

  private constructor(host: Host, running: Running) {
    this.#host = host;
    this.#running = running;
    this.#files = microvmFiles(host.folders, running.spec.vmId);
    this.#ended = this.#watch();
    void this.#tend();
  }

  /** @throws DriverError with what Firecracker refused; nothing of it is left then. */
  static async launch(host: Host, spec: MachineSpec): Promise<Microvm> {
    const files = microvmFiles(host.folders, spec.vmId);
    const running = await begin(host, files, spec).catch(async (error: unknown) => {
      await host.cgroups.remove(groupOf(host, spec.vmId));
      throw error;
    });
    try {
      await boot(host, files, running);
      writeRecord(files.running, { ...running, booted: true });
      return new Microvm(host, { ...running, booted: true });
    } catch (error) {
      const died = !isThere(running.process);
      await Microvm.#clear(host, files, running);
      throw died ? new DriverError("refused", lastWords(files)) : error;
    }
  }

  /** One that was started before us. "ended": it is gone; "unready": it was being started when we ended, and is gone now. */
  static async attach(host: Host, running: Running): Promise<Microvm | "ended" | "unready"> {
    const files = microvmFiles(host.folders, running.spec.vmId);
    const word = processIdOf(running.spec.vmId);
    const alive = running.booted && isAlive(running.process, word);
    if (alive && (await answers(files))) return new Microvm(host, running);
    await Microvm.#clear(host, files, running);
    return running.booted ? "ended" : "unready";
  }

  static async #clear(host: Host, files: MicrovmFiles, { process, spec }: Running): Promise<void> {
    kill(process, processIdOf(spec.vmId));
    await untilGone(host, process, processIdOf(spec.vmId));
    await host.cgroups.remove(groupOf(host, spec.vmId));
    writeRecord(files.running, undefined);
  }

  get running(): Running {
    return this.#running;
  }

  /** Never settles for one that was let go of. */
  get ended(): Promise<End> {
    return this.#ended;
  }

  get #word(): string {
    return processIdOf(this.#running.spec.vmId);
  }

  /** The guest hears it as a person's Ctrl+Alt+Del, and does what it has for that: it shuts down, which ends the process. */
  async askToEnd(): Promise<void> {
    await call(this.#files.api, action("SendCtrlAltDel"));
  }

  kill(): void {
    kill(this.#running.process, this.#word);
  }

  /** Watches it no more; it runs on. */
  letGo(): void {
    this.#letGo.abort();
  }

  statistics(signal: AbortSignal): Promise<MachineStatistics> {
    const { spec, process } = this.#running;
    const namespace = this.#host.network?.taps.namespace;
    return usageOf({ spec, pid: process.pid, files: this.#files, namespace }, signal);
  }

  /** Tells it of a disk whose file has become larger. */
  async diskGrew(id: string, sizeGib: number): Promise<void> {
    await call(this.#files.api, diskGrew(this.#files, id));
    const { spec } = this.#running;
    const disks = spec.disks.map((disk) => (disk.id === id ? { ...disk, sizeGib } : disk));
    this.#become({ ...this.#running, spec: { ...spec, disks } });
  }

  /** Remembers that a disk's file is gone, which it still has open. */
  diskLost(id: string): void {
    const { spec, lost } = this.#running;
    if (spec.disks.some((disk) => disk.id === id) && !lost.includes(id))
      this.#become({ ...this.#running, lost: [...lost, id] });
  }

  #become(running: Running): void {
    this.#running = running;
    writeRecord(this.#files.running, running);
  }

  /** A connection that is held ends when the process does. */
  async #watch(): Promise<End> {
    const { process } = this.#running;
    while (isAlive(process, this.#word)) {
      await connectionClosed(this.#files.api, this.#letGo.signal);
      if (this.#letGo.signal.aborted) return new Promise(() => {});
      await this.#host.clock.sleep(soonMs);
    }
    this.#gone.abort();
    await this.#host.cgroups.remove(groupOf(this.#host, this.#running.spec.vmId));
    return { orderly: endedOrderly(this.#files), words: lastWords(this.#files) };
  }

  async #tend(): Promise<void> {
    const over = AbortSignal.any([this.#letGo.signal, this.#gone.signal]);
    while (!over.aborted) {
      trimLogs(this.#files);
      await this.#host.clock.sleep(trimMs, over);
    }
  }
}

/** Starts the process, which has yet to be told what it is. */
async function begin(host: Host, files: MicrovmFiles, spec: MachineSpec): Promise<Running> {
  await prepare(host, files, spec);
  const place = {
    uid: userOf(host, spec.vmId),
    groups: host.groups,
    namespace: host.network?.taps.namespace,
    controlGroups: host.cgroups.make(groupOf(host, spec.vmId), spec),
  };
  const streams = { input: files.input, output: files.consoleLog, errors: files.errors };
  const pid = await startProcess(host.program, processArguments(spec.vmId, files), place, streams);
  const process = identityOf(pid);
  if (process === undefined) throw new DriverError("refused", lastWords(files));
  const running = { process, spec, lost: [], booted: false };
  writeRecord(files.running, running);
  return running;
}

/** Makes the files that its user must find, and its taps. */
async function prepare(host: Host, files: MicrovmFiles, spec: MachineSpec): Promise<void> {
  const { signal } = new AbortController();
  const uid = userOf(host, spec.vmId);
  for (const file of [files.usage, files.socketFolder, `${files.log}.1`])
    rmSync(file, { recursive: true, force: true });
  mkdirSync(files.socketFolder, { recursive: true, mode: 0o700 });
  await run("mkfifo", ["--mode", "0600", files.input], signal);
  writeFatDisk(files.seed, seedDisk(spec));
  writeFileSync(files.consoleLog, "", { flag: "a", mode: 0o600 });
  for (const file of [files.log, files.errors, files.metrics]) writeFileSync(file, "", { mode: 0o600 });
  const disks = spec.disks.map(({ id }) => files.disk(id));
  const theirs = [files.seed, files.consoleLog, files.log, files.metrics, files.input, files.socketFolder, ...disks];
  if (uid !== undefined) for (const file of theirs) chownSync(file, uid, uid);
  for (const nic of spec.nics) await host.network?.taps.make(tapOf(spec, nic), nic, uid, signal);
}

async function boot(host: Host, files: MicrovmFiles, { process, spec }: Running): Promise<void> {
  const deadline = host.clock.now() + answersMs;
  while (!(await answers(files))) {
    if (!isThere(process) || host.clock.now() > deadline) throw new DriverError("refused", lastWords(files));
    await host.clock.sleep(soonMs);
  }
  const taps = new Map(spec.nics.map((nic) => [nic.id, tapOf(spec, nic)]));
  const kernel = host.kernelOf(spec.imageId);
  for (const request of bootRequests({ spec, files, kernel, taps })) await call(files.api, request);
}

function answers(files: MicrovmFiles): Promise<boolean> {
  return call(files.api, describe).then(
    () => true,
    () => false,
  );
}

/** A process that is about to become another program has no arguments for a moment: here its number and start must do. */
function isThere({ pid, startTime }: ProcessIdentity): boolean {
  return identityOf(pid)?.startTime === startTime;
}

async function untilGone(host: Host, process: ProcessIdentity, word: string): Promise<void> {
  while (isAlive(process, word)) await host.clock.sleep(soonMs);
}

function connectionClosed(path: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const held = connect({ path, signal });
    held.on("error", () => {});
    held.once("close", () => resolve());
    held.resume();
  });
}

/** It says so at its end, in its log; one that is killed says nothing. */
function endedOrderly({ log }: MicrovmFiles): boolean {
  return /exiting successfully/.test(endOf(log));
}

function lastWords({ errors, log }: MicrovmFiles): string {
  const complaint = endOf(log)
    .split("\n")
    .findLast((line) => /error|panicked/i.test(line) && !line.includes("API server received"));
  const words = (endOf(errors).trim() || complaint?.trim() || "").slice(-lastWordsLength);
  return words === "" ? "Firecracker ended without a word" : `Firecracker said: ${words}`;
}

function endOf(file: string): string {
  return Buffer.from(readLog(file, lastLines)).toString("utf8");
}
