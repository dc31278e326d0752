// What a microVM uses: its disks by the counters that Firecracker writes to a file, its processor and memory by /proc, its NICs by the host's ends of them.
// Each line of the file tells what was added since the one before, so that lines are summed; what was summed is kept, and its place in the file freed.
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import type { MachineSpec, MachineStatistics } from "../driver.ts";
import { run } from "../qemu/programs.ts";
import { nicsOf, processOf } from "../qemu/statistics.ts";
import { call } from "./api.ts";
import { action } from "./boot.ts";
import { deviceIdOf, type MicrovmFiles } from "./layout.ts";
import { readRecord, writeRecord } from "./records.ts";

/** How much is read at once, in bytes: a line has some kilobytes. */
const chunkBytes = 1024 ** 2;
/** How much of the file is read before its place is freed, in bytes. */
const freeAfter = 4 * 1024 ** 2;

/** Firecracker's names. */
type Counts = Readonly<Record<"read_bytes" | "write_bytes" | "read_count" | "write_count", number>>;
const none: Counts = { read_bytes: 0, write_bytes: 0, read_count: 0, write_count: 0 };

/** The sums of all lines before the offset. */
interface Usage {
  readonly offset: number;
  readonly freed: number;
  /** By drive. */
  readonly drives: Readonly<Record<string, Counts>>;
}

export interface Measured {
  readonly spec: MachineSpec;
  readonly pid: number;
  readonly files: MicrovmFiles;
  readonly namespace: string | undefined;
}

export async function usageOf(measured: Measured, signal: AbortSignal): Promise<MachineStatistics> {
  const { spec, files, pid } = measured;
  await call(files.api, action("FlushMetrics"));
  const nics = await nicsOf(measured, signal);
  const usage = await free(files, sumUp(files), signal);
  const disks = spec.disks.map(({ id }) => {
    const counts = usage.drives[deviceIdOf("disk", id)] ?? none;
    return {
      id,
      readBytes: counts.read_bytes,
      writtenBytes: counts.write_bytes,
      readOperations: counts.read_count,
      writeOperations: counts.write_count,
    };
  });
  return { ...processOf(pid), disks, nics };
}

/** Adds the lines that came since, whole ones alone. */
function sumUp(files: MicrovmFiles): Usage {
  let usage: Usage = readRecord<Usage>(files.usage) ?? { offset: 0, freed: 0, drives: {} };
  if (!existsSync(files.metrics)) return usage;
  const file = openSync(files.metrics, "r");
  try {
    for (;;) {
      const bytes = Buffer.alloc(chunkBytes);
      const read = bytes.subarray(0, readSync(file, bytes, 0, chunkBytes, usage.offset));
      const end = read.lastIndexOf("\n");
      if (end < 0) break;
      const drives = read.toString("utf8", 0, end).split("\n").reduce(addLine, usage.drives);
      usage = { ...usage, offset: usage.offset + end + 1, drives };
    }
  } finally {
    closeSync(file);
  }
  writeRecord(files.usage, usage);
  return usage;
}

function addLine(drives: Usage["drives"], line: string): Usage["drives"] {
  const entries = Object.entries(membersOf(parse(line))).filter(([name]) => name.startsWith("block_"));
  const sums = entries.map(([name, added]) => {
    const drive = name.slice("block_".length);
    return [drive, add(drives[drive] ?? none, membersOf(added))];
  });
  return { ...drives, ...Object.fromEntries(sums) };
}

function add(counts: Counts, added: Readonly<Record<string, unknown>>): Counts {
  const sum = (name: keyof Counts) => counts[name] + (Number(added[name] ?? 0) || 0);
  return {
    read_bytes: sum("read_bytes"),
    write_bytes: sum("write_bytes"),
    read_count: sum("read_count"),
    write_count: sum("write_count"),
  };
}

/** The file's length stays, since Firecracker goes on writing where it is; a file system that has no holes keeps the bytes. */
async function free(files: MicrovmFiles, usage: Usage, signal: AbortSignal): Promise<Usage> {
  if (usage.offset - usage.freed < freeAfter) return usage;
  const place = ["--punch-hole", "--offset", "0", "--length", String(usage.offset), files.metrics];
  await run("fallocate", place, signal).catch(() => {});
  const freed = { ...usage, freed: usage.offset };
  writeRecord(files.usage, freed);
  return freed;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
