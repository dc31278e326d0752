// What Linux tells of other processes (proc(5)). Who has ended tells nothing: then everything is empty, or 0.
import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks in a second: Linux shows every user 100 (sysconf(3)). */
const ticksPerSecond = 100;

/** A file's text; "" where it is not, or not any more. */
export function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

/** What a folder has. */
export function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The words that a process was started with. */
export function wordsOf(pid: number | string): readonly string[] {
  return read(`/proc/${pid}/cmdline`).split("\0").slice(0, -1);
}

/** Each thread has its own: Go starts processes from any of them. */
export function childrenOf(pid: number): number[] {
  return list(`/proc/${pid}/task`).flatMap((thread) =>
    read(`/proc/${pid}/task/${thread}/children`).split(" ").filter(Boolean).map(Number),
  );
}

/** What a process has in memory, in bytes. */
export function residentBytes(pid: number): number {
  return memory(pid, "VmRSS");
}

/** The most that it ever had. */
export function peakBytes(pid: number): number {
  return memory(pid, "VmHWM");
}

function memory(pid: number, field: "VmRSS" | "VmHWM"): number {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(read(`/proc/${pid}/status`))?.[1];
  return Number(kib ?? 0) * 1024;
}

/** Processor seconds of a process: utime and stime. */
export function cpuSeconds(pid: number): number {
  return ticks(pid, 11);
}

/** Of this process's children that have ended, with theirs: cutime and cstime. */
export function childrenCpuSeconds(): number {
  return ticks("self", 13);
}

/** Two neighbours of the fields behind the name, which may have blanks. */
function ticks(pid: number | "self", first: number): number {
  const fields = read(`/proc/${pid}/stat`).split(") ").pop()?.split(" ") ?? [];
  return (Number(fields[first] ?? 0) + Number(fields[first + 1] ?? 0)) / ticksPerSecond;
}
