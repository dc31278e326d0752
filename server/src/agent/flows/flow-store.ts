// Keeps the records of flow logs in files: a folder for each log, in it segments of JSON lines, the oldest of which go when there are too many.
// Nothing of one log is ever in another's folder.
import { appendFile, mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { DriverError } from "../../backends/driver-error.ts";
import type { FlowPage, FlowRecord, FlowSource } from "../../backends/network/flow-source.ts";
import { hasCode } from "../../has-code.ts";

export interface FlowStoreOptions {
  readonly dir: string;
  /** A segment that has grown to this is closed. Default 4 MiB. */
  readonly segmentBytes?: number;
  /** How many segments of a log are kept. Default 16. */
  readonly segments?: number;
}

/** How much of a segment is read at a time: a thousand records and more. */
const chunkBytes = 512 * 1024;

/** Where a record stands. */
interface Place {
  readonly segment: number;
  readonly offset: number;
}

export class FlowStore implements FlowSource {
  readonly #dir: string;
  readonly #segmentBytes: number;
  readonly #segments: number;
  /** One writing at a time for each log. */
  readonly #writing = new Map<string, Promise<void>>();

  constructor({ dir, segmentBytes = 4 * 1024 * 1024, segments = 16 }: FlowStoreOptions) {
    this.#dir = dir;
    this.#segmentBytes = segmentBytes;
    this.#segments = segments;
  }

  /** Adds records to a log. */
  append(flowLogId: string, records: readonly FlowRecord[]): Promise<void> {
    const text = records.map((record) => `${JSON.stringify(record)}\n`).join("");
    const before = this.#writing.get(flowLogId) ?? Promise.resolve();
    const written = before.catch(() => {}).then(() => this.#write(this.#folder(flowLogId), text));
    this.#writing.set(flowLogId, written);
    return written;
  }

  async read(flowLogId: string, cursor: string, limit: number): Promise<FlowPage | undefined> {
    const folder = this.#folder(flowLogId);
    try {
      const segments = await segmentsIn(folder);
      const place = cursor === "" ? { segment: segments[0] ?? 0, offset: 0 } : placeOf(cursor);
      return place && (await this.#page(folder, segments, place, limit));
    } catch (cause) {
      throw new DriverError("unavailable", "the records could not be read", { cause });
    }
  }

  /** The logs of which there is anything. */
  async logs(): Promise<readonly string[]> {
    return readdir(this.#dir).then(
      (names) => names.filter((name) => isId(name)),
      () => [],
    );
  }

  /** Where a host's collector notes how far it has read: beside the logs, under a name that is no log's. */
  async positionFile(systemId: string): Promise<string> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    return join(this.#dir, `${systemId.replace(/[^A-Za-z0-9_-]/g, "_")}.position`);
  }

  /** Forgets a log. */
  async forget(flowLogId: string): Promise<void> {
    await this.#writing.get(flowLogId)?.catch(() => {});
    this.#writing.delete(flowLogId);
    await rm(this.#folder(flowLogId), { recursive: true, force: true });
  }

  #folder(flowLogId: string): string {
    if (!isId(flowLogId)) throw new Error(`${JSON.stringify(flowLogId)} is no id`);
    return join(this.#dir, flowLogId);
  }

  async #write(folder: string, text: string): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const segments = await segmentsIn(folder);
    const last = segments.at(-1) ?? 0;
    const { size } = await stat(fileOf(folder, last)).catch(() => ({ size: 0 }));
    const next = size >= this.#segmentBytes ? last + 1 : last;
    await appendFile(fileOf(folder, next), text, { mode: 0o600 });
    for (const old of segments.slice(0, Math.max(0, segments.length + (next - last) - this.#segments)))
      await rm(fileOf(folder, old), { force: true });
  }

  async #page(folder: string, segments: readonly number[], from: Place, limit: number): Promise<FlowPage | undefined> {
    const records: FlowRecord[] = [];
    // A segment that is gone was the oldest: it goes on with what is kept.
    const first = segments.find((segment) => segment >= from.segment);
    let place = first === undefined || first === from.segment ? from : { segment: first, offset: 0 };
    for (const segment of segments.filter((one) => one >= place.segment)) {
      if (segment !== place.segment) place = { segment, offset: 0 };
      const read = await readSegment(fileOf(folder, segment), place.offset, limit - records.length);
      if (read === undefined) return undefined;
      records.push(...read.records);
      place = { segment, offset: read.offset };
      if (records.length >= limit) break;
    }
    return { records, cursor: segments.length === 0 && from.offset === 0 ? "" : `${place.segment}-${place.offset}` };
  }
}

const isId = (name: string) => /^[A-Za-z0-9-]{1,64}$/.test(name);
const fileOf = (folder: string, segment: number) => join(folder, `${String(segment).padStart(8, "0")}.jsonl`);

async function segmentsIn(folder: string): Promise<readonly number[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  });
  return names
    .filter((name) => /^\d{8}\.jsonl$/.test(name))
    .map((name) => Number(name.slice(0, 8)))
    .sort((a, b) => a - b);
}

function placeOf(cursor: string): Place | undefined {
  const [, segment, offset] = /^(\d{1,8})-(\d{1,12})$/.exec(cursor) ?? [];
  return segment === undefined ? undefined : { segment: Number(segment), offset: Number(offset) };
}

/** Up to so many whole lines. Undefined: no line begins there. */
async function readSegment(file: string, offset: number, limit: number) {
  const handle = await open(file, "r");
  try {
    if (!(await beginsLine(handle, offset))) return undefined;
    const records: FlowRecord[] = [];
    let at = offset;
    for (;;) {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(chunkBytes), 0, chunkBytes, at);
      const lines = buffer.subarray(0, bytesRead).toString("utf8").split("\n").slice(0, -1);
      for (const line of lines.slice(0, limit - records.length)) {
        records.push(JSON.parse(line) as FlowRecord);
        at += Buffer.byteLength(line) + 1;
      }
      if (lines.length === 0 || records.length >= limit) return { records, offset: at };
    }
  } finally {
    await handle.close();
  }
}

async function beginsLine(handle: Awaited<ReturnType<typeof open>>, offset: number): Promise<boolean> {
  if (offset === 0) return true;
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(1), 0, 1, offset - 1);
  return bytesRead === 1 && buffer[0] === 10;
}
