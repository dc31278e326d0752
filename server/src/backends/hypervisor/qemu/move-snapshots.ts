// The snapshots of a machine that moves while it runs. A mirror carries what a disk holds now alone; what it held is read from its file beside that,
// since nothing changes it any more, and laid down at the destination, oldest first, before the mirror writes over it.
import { once } from "node:events";
import { createReadStream, createWriteStream, rmSync, statSync } from "node:fs";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { checkTables, wholeCopy } from "./disks.ts";
import type { MachineFiles } from "./layout.ts";
import { diskChannel } from "./move-names.ts";
import { run } from "./programs.ts";
import { checkHead } from "./qcow2.ts";
import { bookOf, writeBook } from "./snapshots.ts";

export interface HeldSnapshot {
  readonly id: string;
  /** Its disks that the machine still has. */
  readonly disks: readonly string[];
}

/** A machine's snapshots, oldest first. */
export function snapshotsHeld(files: MachineFiles, disks: readonly { readonly id: string }[]): readonly HeldSnapshot[] {
  const has = (id: string) => disks.some((disk) => disk.id === id);
  return Object.entries(bookOf(files).snapshots).map(([id, held]) => ({ id, disks: held.filter(has) }));
}

/** Sends them, a file for each disk of each; returns when the last is laid down. @param sent is told how many bytes were. */
export async function sendSnapshots(
  files: MachineFiles,
  snapshots: readonly HeldSnapshot[],
  {
    dial,
    sent,
    signal,
  }: { readonly dial: (channel: string) => Promise<Duplex>; sent(bytes: number): void; readonly signal: AbortSignal },
): Promise<void> {
  for (const { id, disks } of snapshots)
    for (const disk of disks) {
      const part = `${files.disk(disk)}.part`;
      try {
        await wholeCopy(files.disk(disk), part, signal, id);
        await sendFile(part, await dial(diskChannel(disk)), signal);
        sent(statSync(part).size);
      } finally {
        rmSync(part, { force: true });
      }
    }
}

/** Returns when the other end has closed the stream: it has done with the file what it should. */
async function sendFile(file: string, stream: Duplex, signal: AbortSignal): Promise<void> {
  const closed = once(stream, "close", { signal });
  closed.catch(() => {});
  stream.resume();
  await pipeline(createReadStream(file, { highWaterMark: 1024 ** 2 }), stream, { signal, end: true });
  await closed;
}

/** The destination's side. */
export class SnapshotBerth {
  readonly #files: MachineFiles;
  readonly #snapshots: readonly HeldSnapshot[];
  /** What is still to come, in the order of the sender's. */
  readonly #left: { readonly id: string; readonly disk: string }[];
  /** Disks that hold something. */
  readonly #written = new Set<string>();

  constructor(files: MachineFiles, snapshots: readonly HeldSnapshot[]) {
    this.#files = files;
    this.#snapshots = snapshots;
    this.#left = snapshots.flatMap(({ id, disks }) => disks.map((disk) => ({ id, disk })));
  }

  get isWhole(): boolean {
    return this.#left.length === 0;
  }

  /** Lays the next one down. */
  async take(disk: string, stream: Duplex): Promise<void> {
    const next = this.#left[0];
    if (next?.disk !== disk) throw new Error(`a snapshot's part of disk ${disk} came out of turn`);
    const part = `${this.#files.disk(disk)}.part`;
    const { signal } = new AbortController();
    try {
      await pipeline(stream, createWriteStream(part, { mode: 0o600 }), { end: true });
      if (checkHead(part, `disk ${disk}`).hasBacking) throw new Error(`a snapshot's part of disk ${disk} is not whole`);
      await checkTables(part, signal);
      await this.#lay(next.id, disk, part, signal);
    } finally {
      rmSync(part, { force: true });
    }
    this.#left.shift();
  }

  /** Writes down which there are. */
  record(): void {
    const held = this.#snapshots.map(({ id, disks }) => [id, disks] as const);
    if (held.length > 0) writeBook(this.#files, { snapshots: Object.fromEntries(held) });
  }

  async #lay(snapshotId: string, disk: string, part: string, signal: AbortSignal): Promise<void> {
    const file = this.#files.disk(disk);
    const empty = this.#written.has(disk) ? [] : ["--target-is-zero"];
    await run("qemu-img", ["convert", "-q", "-n", ...empty, "-f", "qcow2", "-O", "qcow2", part, file], signal);
    this.#written.add(disk);
    await run("qemu-img", ["snapshot", "-c", snapshotId, file], signal);
  }
}
