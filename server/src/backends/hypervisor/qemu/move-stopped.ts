// A machine that moves while it is stopped: its disks' files as they are, snapshots and all.
import { createReadStream, createWriteStream, statSync } from "node:fs";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { DriverError } from "../../driver-error.ts";
import type { DiskSpec } from "../driver.ts";
import type { Words } from "../moving/line.ts";
import type { MachineFiles } from "./layout.ts";
import type { Machine } from "./machine.ts";
import { diskChannel } from "./move-names.ts";
import { diskFull, isFull, run } from "./programs.ts";
import { checkHead } from "./qcow2.ts";
import { recordOf } from "./qmp.ts";
import { bookOf, writeBook } from "./snapshots.ts";

const gib = 1024 ** 3;
/** How long the last bytes of a disk may be on their way after its machine was handed over, in milliseconds. */
const lastBytesMs = 60_000;

/** The source's side. */
export class StoppedCopy {
  readonly #machine: Machine;
  #copiedBytes = 0;
  #totalBytes: number;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#totalBytes = this.#files().reduce((sum, { size }) => sum + size, 0);
  }

  get progress(): { readonly copiedBytes: number; readonly totalBytes: number } {
    return { copiedBytes: this.#copiedBytes, totalBytes: this.#totalBytes };
  }

  async carry(dial: (channel: string) => Promise<Duplex>, signal: AbortSignal): Promise<Words> {
    for (const { id, file } of this.#files()) {
      const bytes = createReadStream(file, { highWaterMark: 1024 ** 2 });
      bytes.on("data", (chunk) => {
        this.#copiedBytes += chunk.length;
      });
      await pipeline(bytes, await dial(diskChannel(id)), { signal });
    }
    const sizes = Object.fromEntries(this.#files().map(({ id, size }) => [id, size]));
    return { sizes, snapshots: bookOf(this.#machine.files) };
  }

  #files(): readonly { readonly id: string; readonly file: string; readonly size: number }[] {
    const { files, spec } = this.#machine;
    return spec.disks.map(({ id }) => ({ id, file: files.disk(id), size: statSync(files.disk(id)).size }));
  }
}

/** The destination's side. */
export class StoppedBerth {
  readonly #files: MachineFiles;
  readonly #writing = new Map<string, Promise<unknown>>();

  constructor(files: MachineFiles) {
    this.#files = files;
  }

  /** Takes a disk's file. */
  take(disk: string, stream: Duplex, broke: (reason: string) => void): void {
    const file = createWriteStream(this.#files.disk(disk), { mode: 0o600 });
    const writing = pipeline(stream, file).catch((error: unknown) => {
      broke(isFull(error) ? diskFull(error).message : "a disk's stream broke off");
      throw error;
    });
    writing.catch(() => {}).finally(() => stream.destroy());
    this.#writing.set(disk, writing);
  }

  /** All came: makes the disks this host's. @param base the file of the image that the root disk stands on. */
  async finish({
    disks,
    last,
    base,
  }: {
    disks: readonly DiskSpec[];
    last: Words;
    base: string | undefined;
  }): Promise<void> {
    const sizes = recordOf(last.sizes) ?? {};
    for (const disk of disks) {
      await inTime(this.#writing.get(disk.id));
      const file = this.#files.disk(disk.id);
      if (statSync(file).size !== sizes[disk.id])
        throw new DriverError("unavailable", `disk ${disk.id} did not come whole`);
      await settle(file, disk, base);
    }
    const snapshots = recordOf(recordOf(last.snapshots)?.snapshots) ?? {};
    const lists = Object.entries(snapshots).map(
      ([id, held]) => [id, (Array.isArray(held) ? held : []).map(String)] as const,
    );
    if (lists.length > 0) writeBook(this.#files, { snapshots: Object.fromEntries(lists) });
  }
}

/** Nothing that the file says of other files is believed. */
async function settle(file: string, disk: DiskSpec, base: string | undefined): Promise<void> {
  const { virtualSize, hasBacking } = checkHead(file, `disk ${disk.id}`);
  if (virtualSize > disk.sizeGib * gib) throw new DriverError("refused", `disk ${disk.id} is larger than it should be`);
  if (!hasBacking) return;
  if (base === undefined) throw new DriverError("refused", `disk ${disk.id} stands on what is not on this host`);
  await run(
    "qemu-img",
    ["rebase", "-q", "-u", "-f", "qcow2", "-b", base, "-F", "qcow2", file],
    new AbortController().signal,
  );
}

async function inTime(writing: Promise<unknown> | undefined): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new DriverError("unavailable", "a disk's bytes did not come")),
    lastBytesMs,
  );
  await Promise.race([writing, late.promise]).finally(() => clearTimeout(timer));
}
