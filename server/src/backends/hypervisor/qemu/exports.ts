// Whole copies of disks, to be taken elsewhere. qemu-img can't write to a pipe, so a copy is made first. It never has a name, so that it is gone
// with whoever reads it, however they end.
import { randomUUID } from "node:crypto";
import { closeSync, createReadStream, fstatSync, openSync, rmSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import { DriverError } from "../../driver-error.ts";
import type { ExportedDisk, ImageSource } from "../driver.ts";
import { partsOf } from "../file-parts.ts";
import { runWithUs } from "./programs.ts";
import { recordOf } from "./qmp.ts";

/** What is left free on the host's disk: so many bytes, or on a small one a twentieth of it. Guests stand still when it is full. */
const [keptBytes, keptShare] = [512 * 1024 ** 2, 0.05];
/** How much is read at a time, in bytes. */
const chunkBytes = 256 * 1024;

/** A disk's file. */
export interface DiskFile {
  readonly vmId: string;
  readonly file: string;
  readonly format: ImageSource["format"];
  /** As it was then; the file may be in use. Undefined: as it is, and nobody may have it open. */
  readonly snapshotId?: string | undefined;
}

interface Going {
  readonly end: AbortController;
  /** Whether the machine's own disk is being read, which it can't be started meanwhile. */
  isCopying: boolean;
}

/** The exports of a host. */
export class Exports {
  readonly #going = new Map<string, Going>();
  /** What those that are being made may take of the host's disk, in bytes. */
  #promisedBytes = 0;

  /** @param inTurn has the copying done when the disk may be read. @throws DriverError */
  async open(
    disk: DiskFile,
    format: ImageSource["format"],
    inTurn: <T>(work: () => Promise<T>) => Promise<T>,
    signal: AbortSignal,
  ): Promise<ExportedDisk> {
    signal.throwIfAborted();
    const { vmId } = disk;
    if (this.#going.has(vmId))
      throw new DriverError("in_use", `another disk of vm ${vmId} is being exported: wait until that is done`);
    const going: Going = { end: new AbortController(), isCopying: disk.snapshotId === undefined };
    this.#going.set(vmId, going);
    const ends = AbortSignal.any([signal, going.end.signal]);
    const fd = nameless(dirname(disk.file));
    try {
      await inTurn(() => this.#copy(disk, format, fd, ends));
      going.isCopying = false;
      return readWhole(fd, ends, () => this.#forget(vmId, going));
    } catch (error) {
      closeSync(fd);
      this.#forget(vmId, going);
      throw going.end.signal.aborted ? going.end.signal.reason : error;
    }
  }

  /** The machine is started: it needs its disk for itself. */
  giveWay(vmId: string): void {
    if (this.#going.get(vmId)?.isCopying) this.end(vmId, "was started while its disk was copied");
  }

  end(vmId: string, why: string): void {
    const words = `vm ${vmId} ${why}: it was not exported`;
    this.#going.get(vmId)?.end.abort(new DriverError("refused", words));
  }

  async #copy(disk: DiskFile, format: ImageSource["format"], fd: number, signal: AbortSignal): Promise<void> {
    const neededBytes = await sizeOf(disk, signal);
    const { bavail, bsize, blocks } = statfsSync(dirname(disk.file));
    const keptFree = Math.min(keptBytes, blocks * bsize * keptShare);
    if (neededBytes + this.#promisedBytes > bavail * bsize - keptFree)
      throw new DriverError("unavailable", `the host's disk has no room for a copy of vm ${disk.vmId}'s disk`, {
        status: "NoRoom",
      });
    this.#promisedBytes += neededBytes;
    try {
      const into = `/proc/${process.pid}/fd/${fd}`;
      await runWithUs("qemu-img", ["convert", "-q", "-O", format, ...named(disk), disk.file, into], signal);
    } finally {
      this.#promisedBytes -= neededBytes;
    }
  }

  #forget(vmId: string, going: Going): void {
    if (this.#going.get(vmId) === going) this.#going.delete(vmId);
  }
}

/** @param done is called when it was read, or won't be. */
function readWhole(fd: number, signal: AbortSignal, done: () => void): ExportedDisk {
  const { size: sizeBytes } = fstatSync(fd);
  const stream = createReadStream("", { fd, start: 0, highWaterMark: chunkBytes, signal });
  stream.once("close", done);
  // Whoever reads hears of it; whoever does not is gone.
  stream.on("error", () => {});
  return { sizeBytes, parts: partsOf(untilRead(stream, signal, done)) };
}

async function* untilRead(stream: AsyncIterable<Uint8Array>, signal: AbortSignal, done: () => void) {
  try {
    yield* stream;
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    done();
  }
}

/** A new file that only we have, open to be written and read. */
function nameless(folder: string): number {
  const name = join(folder, `export-${randomUUID()}.part`);
  const fd = openSync(name, "wx+", 0o600);
  rmSync(name);
  return fd;
}

function named({ format, snapshotId }: DiskFile): string[] {
  return ["-f", format, ...(snapshotId === undefined ? [] : ["-U", "-l", `snapshot.name=${snapshotId}`])];
}

/** How much room a copy takes, in bytes: what the disk holds, whatever it could hold. */
async function sizeOf(disk: DiskFile, signal: AbortSignal): Promise<number> {
  const args = ["measure", "--output=json", "-O", "qcow2", ...named(disk), disk.file];
  const { required } = recordOf(JSON.parse(await runWithUs("qemu-img", args, signal))) ?? {};
  if (typeof required !== "number") throw new DriverError("refused", "qemu-img tells no size");
  return required;
}
