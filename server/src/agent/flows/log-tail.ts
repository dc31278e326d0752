// Follows a log file as it grows, through rotation and truncation, and a server that was away.
import { type FileHandle, open, readFile, rename, stat, writeFile } from "node:fs/promises";
import type { Clock } from "../../clock.ts";

/** How often it is looked for more, in milliseconds. */
const lookMs = 250;
/** How much is read at a time. */
const chunkBytes = 256 * 1024;
/** Who is further behind goes on from here: what is old tells less than what comes. */
const mostBehindBytes = 64 * 1024 * 1024;

export interface LogTailOptions {
  readonly file: string;
  /** Where the position is kept, so that the next start goes on there. */
  readonly positionFile: string;
  readonly clock: Clock;
}

export interface Position {
  readonly inode: number;
  readonly offset: number;
}

export class LogTail {
  readonly #options: LogTailOptions;
  #handle: FileHandle | undefined;
  #position: Position | undefined;
  /** The beginning of a line whose end is not written yet. */
  #partial = "";

  constructor(options: LogTailOptions) {
    this.#options = options;
  }

  /** Batches of whole lines as they come, empty ones where there is nothing new, until the signal aborts. The first start begins at the end. */
  async *follow(signal: AbortSignal): AsyncGenerator<readonly string[]> {
    this.#position = await this.#kept();
    try {
      while (!signal.aborted) {
        const lines = await this.#read();
        yield lines;
        if (lines.length === 0) await this.#options.clock.sleep(lookMs, signal);
      }
    } finally {
      await this.#handle?.close();
    }
  }

  /** Behind the last line that was told of. */
  get position(): Position | undefined {
    const { inode, offset } = this.#position ?? {};
    return inode === undefined || offset === undefined ? undefined : { inode, offset: offset - this.#partial.length };
  }

  /** Notes how far it has come: after what was read has been kept. */
  async keep(position = this.position): Promise<void> {
    if (position === undefined) return;
    const { positionFile } = this.#options;
    const next = `${positionFile}.next`;
    await writeFile(next, JSON.stringify(position));
    await rename(next, positionFile);
  }

  async #kept(): Promise<Position | undefined> {
    try {
      const kept: unknown = JSON.parse(await readFile(this.#options.positionFile, "utf8"));
      if (typeof kept !== "object" || kept === null || !("inode" in kept && "offset" in kept)) return undefined;
      return { inode: Number(kept.inode), offset: Number(kept.offset) };
    } catch {
      return undefined;
    }
  }

  async #read(): Promise<readonly string[]> {
    const handle = this.#handle ?? (await this.#open());
    const position = this.#position;
    if (handle === undefined || position === undefined) return [];
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(chunkBytes), 0, chunkBytes, position.offset);
    if (bytesRead === 0) {
      await this.#lookForAnother();
      return [];
    }
    this.#position = { ...position, offset: position.offset + bytesRead };
    return this.#linesOf(buffer.subarray(0, bytesRead));
  }

  #linesOf(bytes: Buffer): readonly string[] {
    const lines = (this.#partial + bytes.toString("latin1")).split("\n");
    this.#partial = lines.pop() ?? "";
    return lines;
  }

  async #open(): Promise<FileHandle | undefined> {
    const handle = await open(this.#options.file, "r").catch(() => undefined);
    if (handle === undefined) return undefined;
    const { ino, size } = await handle.stat();
    this.#position = startOf(this.#position, ino, size);
    this.#partial = "";
    this.#handle = handle;
    return handle;
  }

  /** At the end of what is there: the file may have been cut short, or another may have its name. */
  async #lookForAnother(): Promise<void> {
    const now = await stat(this.#options.file).catch(() => undefined);
    const position = this.#position;
    if (now === undefined || position === undefined) return;
    if (now.ino === position.inode && now.size >= position.offset) return;
    await this.#handle?.close();
    this.#handle = undefined;
  }
}

function startOf(before: Position | undefined, inode: number, size: number): Position {
  if (before === undefined) return { inode, offset: size };
  const same = before.inode === inode && before.offset <= size;
  return { inode, offset: Math.max(same ? before.offset : 0, size - mostBehindBytes) };
}
