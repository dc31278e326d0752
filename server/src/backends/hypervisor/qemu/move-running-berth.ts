// The destination of a machine that moves while it runs: a process of its own that waits for its disks' bytes, by NBD, and for its memory.
import { writeFileSync } from "node:fs";
import type { Duplex } from "node:stream";
import { gunzipSync } from "node:zlib";
import { DriverError } from "../../driver-error.ts";
import { sentenceOf, type Words } from "../moving/line.ts";
import { ensureDisk } from "./disks.ts";
import { type Host, userOf } from "./host.ts";
import { lastWords } from "./launch.ts";
import type { Machine } from "./machine.ts";
import { type RunningHello, seedOf } from "./move-hello.ts";
import { migration, recordsOf, untilSo } from "./move-jobs.ts";
import { Pipes } from "./move-pipes.ts";
import { SnapshotBerth } from "./move-snapshots.ts";
import type { Power } from "./power-off.ts";
import { diskFull, isFull } from "./programs.ts";

/** How long the process may take to make a machine of what came, in milliseconds. */
const loadedMs = 60_000;

export class RunningBerth {
  readonly #machine: Machine;
  readonly #running: RunningHello;
  readonly #pipes: Pipes;
  readonly #snapshots: SnapshotBerth;
  #laying: { readonly stream: Duplex; readonly done: Promise<void> } | undefined;
  #isClosed = false;
  #power: Power | undefined;
  #broke: (reason: string) => void = () => {};

  constructor(host: Host, machine: Machine, running: RunningHello) {
    this.#machine = machine;
    this.#running = running;
    this.#snapshots = new SnapshotBerth(machine.files, running.snapshots);
    this.#pipes = new Pipes(userOf(host, machine.spec.vmId));
  }

  /** @param base what the root disk stands on; undefined: nothing, all of it comes. */
  async open(base: string | undefined, broke: (reason: string) => void): Promise<void> {
    const { files } = this.#machine;
    const { signal } = new AbortController();
    this.#broke = broke;
    for (const [i, disk] of this.#running.spec.disks.entries())
      await ensureDisk(files.disk(disk.id), disk, signal, i === 0 && base !== undefined ? { base } : {});
    if (this.#snapshots.isWhole) await this.#begin();
  }

  /** A stream of a disk, or of the memory. */
  take(disk: string | undefined, stream: Duplex): void {
    if (disk !== undefined && !this.#snapshots.isWhole) this.#laying = { stream, done: this.#lay(disk, stream) };
    else this.#pipes.connect(this.#socket(disk === undefined ? "memory" : "nbd"), stream);
  }

  /** The sender goes on when the stream is closed: with the last snapshot the process is there. */
  async #lay(disk: string, stream: Duplex): Promise<void> {
    try {
      await this.#snapshots.take(disk, stream);
      if (this.#snapshots.isWhole && !this.#isClosed) await this.#begin();
    } catch (error) {
      this.#broke(
        isFull(error) ? diskFull(error).message : `its snapshots could not be taken over: ${sentenceOf(error)}`,
      );
    } finally {
      stream.destroy();
    }
  }

  async #begin(): Promise<void> {
    const { files } = this.#machine;
    const { spec, parts, room } = this.#running;
    const power = await this.#machine.receive({ spec, parts, room, seed: seedOf(this.#running) });
    this.#power = power;
    void power.monitor.closed.then(() => this.#broke(`the destination's process died: ${lastWords(files)}`));
    const { monitor } = power;
    await monitor.execute("nbd-server-start", { addr: { type: "unix", data: { path: this.#socket("nbd") } } });
    for (const { id } of spec.disks) {
      const node = `disk-${id}`;
      await monitor.execute("block-export-add", {
        type: "nbd",
        id: node,
        "node-name": node,
        name: node,
        writable: true,
      });
    }
    await monitor.execute("migrate-set-capabilities", { capabilities: [{ capability: "events", state: true }] });
    await monitor.execute("migrate-incoming", { uri: `unix:${this.#socket("memory")}` });
  }

  /** All came: it could go on now. */
  async finish({ consoleLog }: Words): Promise<void> {
    const monitor = this.#power?.monitor;
    if (monitor === undefined) throw new DriverError("unavailable", "its process has ended");
    await this.#untilLoaded(monitor);
    await monitor.execute("nbd-server-stop");
    const isClosed = async () => recordsOf(await monitor.execute("query-block-exports")).length === 0;
    await untilSo(this.#machine.events, AbortSignal.timeout(loadedMs), isClosed);
    this.#pipes.close();
    this.#snapshots.record();
    // The guest has written nothing here yet; QEMU appends.
    if (typeof consoleLog === "string")
      writeFileSync(this.#machine.files.consoleLog, gunzipSync(Buffer.from(consoleLog, "base64")));
  }

  /** Nothing of it comes any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#pipes.close();
    this.#laying?.stream.destroy();
    await this.#laying?.done;
  }

  async #untilLoaded(monitor: Power["monitor"]): Promise<void> {
    await untilSo(this.#machine.events, AbortSignal.timeout(loadedMs), async () => {
      const { status, error } = await migration(monitor);
      if (status === "failed") throw new DriverError("unavailable", `its memory did not come: ${error ?? status}`);
      return status === "completed";
    });
  }

  #socket(name: string): string {
    return `${this.#machine.files.sockets}/in-${name}`;
  }
}
