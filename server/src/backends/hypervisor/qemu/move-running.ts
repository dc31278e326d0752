// The source of a machine that moves while it runs: mirrors of its disks, then its memory. At the end it stands still, all is there, and its ports
// are free for the other host.
import type { Duplex } from "node:stream";
import { gzipSync } from "node:zlib";
import { DriverError } from "../../driver-error.ts";
import type { Words } from "../moving/line.ts";
import { readLog } from "./console-log.ts";
import { type Host, userOf } from "./host.ts";
import type { Machine } from "./machine.ts";
import { packed } from "./move-connections.ts";
import {
  beginMirror,
  finishMirrors,
  type JobState,
  type Migration,
  migration,
  mirrorOf,
  mirrors,
  untilSo,
} from "./move-jobs.ts";
import { diskChannel, memoryChannel } from "./move-names.ts";
import { Pipes } from "./move-pipes.ts";
import { sendSnapshots, snapshotsHeld } from "./move-snapshots.ts";
import type { Power } from "./power-off.ts";

/** Of what the guest wrote to its console, in bytes. */
const keptLog = 256 * 1024;
/** In bytes a second: the network alone is the limit. */
const mostBandwidth = 2 ** 40;
/**
 * How long a guest may stand still, in milliseconds, after so many rounds of sending what it has written meanwhile: at first nobody notices it. QEMU
 * slows the guest down more and more between rounds; one that still writes faster than it is copied is told to its operator.
 */
const patience = [
  { rounds: 0, stillMs: 300 },
  { rounds: 15, stillMs: 1_000 },
  { rounds: 30, stillMs: 3_000 },
] as const;
/** What is told of a guest that can't run meanwhile. */
const whileCopied = "it stands still: its memory is being copied to another host";
/** After so many a move is given up. */
export const usualRounds = 60;

type Dial = (channel: string) => Promise<Duplex>;

export class RunningCopy {
  readonly #host: Host;
  readonly #machine: Machine;
  readonly #power: Power;
  readonly #pipes: Pipes;
  #disks: readonly JobState[] = [];
  #snapshots = { copiedBytes: 0, totalBytes: 0 };
  #memory: Pick<Migration, "copiedBytes" | "totalBytes"> = { copiedBytes: 0, totalBytes: 0 };
  #stillMs = 0;

  constructor(host: Host, machine: Machine, power: Power) {
    this.#host = host;
    this.#machine = machine;
    this.#power = power;
    this.#pipes = new Pipes(userOf(host, machine.spec.vmId));
  }

  get progress(): { readonly copiedBytes: number; readonly totalBytes: number } {
    const parts = [this.#snapshots, ...this.#disks, this.#memory];
    return {
      copiedBytes: parts.reduce((sum, { copiedBytes }) => sum + copiedBytes, 0),
      totalBytes: parts.reduce((sum, { totalBytes }) => sum + totalBytes, 0),
    };
  }

  /**
   * QEMU's emulator does not see every write of a guest that runs while its memory is copied: the pages that a round has sent stay open to writes
   * through addresses that the guest has just used. What is lost so is lost silently, so that an emulated guest stands still from the first byte on.
   *
   * @param sync "top": the destination has what its root disk stands on; "full": all is copied.
   */
  async carry(dial: Dial, sync: string, signal: AbortSignal): Promise<Words> {
    const broken = () => this.#pipes.close();
    signal.addEventListener("abort", broken, { once: true });
    try {
      await this.#sendSnapshots(dial, signal);
      const jobs = await this.#beginMirrors(dial, sync, signal);
      await this.#untilReady(jobs.length, signal);
      if (!this.#host.copiesLive) await this.#machine.standStill(whileCopied);
      await this.#beginMigration(dial);
      await this.#untilStill(signal);
      const [connections] = await Promise.all([
        this.#machine.takeOff(signal),
        finishMirrors(this.#power.monitor, this.#machine.events, jobs, signal),
      ]);
      await this.#power.monitor.execute("migrate-continue", { state: "pre-switchover" });
      await this.#until("completed", signal);
      const log = readLog(this.#machine.files.consoleLog, keptLog);
      return { consoleLog: gzipSync(log).toString("base64"), connections: packed(connections) };
    } finally {
      signal.removeEventListener("abort", broken);
    }
  }

  close(): void {
    this.#pipes.close();
  }

  #socket(name: string): string {
    return `${this.#machine.files.sockets}/${name}`;
  }

  async #sendSnapshots(dial: Dial, signal: AbortSignal): Promise<void> {
    const { files } = this.#machine;
    const sent = (bytes: number) => {
      const copiedBytes = this.#snapshots.copiedBytes + bytes;
      this.#snapshots = { copiedBytes, totalBytes: copiedBytes };
    };
    await sendSnapshots(files, snapshotsHeld(files, this.#power.running.spec.disks), { dial, sent, signal });
  }

  async #beginMirrors(dial: Dial, sync: string, signal: AbortSignal): Promise<readonly string[]> {
    const { disks } = this.#power.running.spec;
    const jobs = disks.map((_, i) => mirrorOf(i));
    for (const [i, { id }] of disks.entries()) {
      const [job, channel] = [mirrorOf(i), diskChannel(id)];
      const socket = this.#socket(job);
      await this.#pipes.waitAt(socket, await dial(channel));
      signal.throwIfAborted();
      // Only the root disk stands on anything.
      await beginMirror(this.#power.monitor, { job, socket, node: `disk-${id}`, sync: i === 0 ? sync : "full" });
    }
    return jobs;
  }

  async #untilReady(count: number, signal: AbortSignal): Promise<void> {
    await untilSo(this.#machine.events, signal, async () => {
      const now = [...(await mirrors(this.#power.monitor)).values()];
      if (now.length < count)
        throw new DriverError("unavailable", "its disks could not be copied: see the destination");
      this.#disks = now;
      return now.every(({ ready }) => ready);
    });
  }

  async #beginMigration(dial: Dial): Promise<void> {
    const { monitor } = this.#power;
    const socket = this.#socket(memoryChannel);
    await this.#pipes.waitAt(socket, await dial(memoryChannel));
    const capabilities = ["events", "pause-before-switchover", "auto-converge"];
    await monitor.execute("migrate-set-capabilities", {
      capabilities: capabilities.map((capability) => ({ capability, state: true })),
    });
    await monitor.execute("migrate-set-parameters", { "max-bandwidth": mostBandwidth });
    await this.#allow(0);
    await monitor.execute("migrate", { uri: `unix:${socket}` });
  }

  /** The guest stands still, and little is left to be sent. */
  async #untilStill(signal: AbortSignal): Promise<void> {
    await untilSo(this.#machine.events, signal, async () => {
      const now = await this.#look();
      if (now.status === "pre-switchover") return true;
      if (now.rounds > this.#host.mostRounds)
        throw new DriverError("unavailable", "its guest writes to its memory faster than that can be copied");
      await this.#allow(now.rounds);
      return false;
    });
  }

  async #until(status: string, signal: AbortSignal): Promise<void> {
    await untilSo(this.#machine.events, signal, async () => (await this.#look()).status === status);
  }

  /** @throws DriverError "unavailable" if it failed. */
  async #look(): Promise<Migration> {
    const now = await migration(this.#power.monitor);
    if (now.status === "failed" || now.status === "cancelled")
      throw new DriverError("unavailable", `its memory could not be copied: ${now.error ?? now.status}`);
    this.#memory = now;
    this.#disks = this.#disks.map((disk) => ({ ...disk, copiedBytes: disk.totalBytes }));
    return now;
  }

  async #allow(rounds: number): Promise<void> {
    const stillMs = patience.findLast((one) => rounds >= one.rounds)?.stillMs ?? 0;
    if (stillMs === this.#stillMs) return;
    this.#stillMs = stillMs;
    await this.#power.monitor.execute("migrate-set-parameters", { "downtime-limit": stillMs });
  }
}
