// Watches guests from outside of our process, whose own work must not delay what is seen, and starts bare ones: to start a program from a large process
// takes longer, and the floor should not pay for what we are.
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import { list, read } from "../linux/proc.ts";

/** What it is asked. */
export type Request =
  | { readonly do: "watch"; readonly word: string }
  | { readonly do: "start"; readonly word: string; readonly words: readonly string[] }
  | { readonly do: "end"; readonly word: string };

/** What it answers. `at` is the system's monotonic clock in nanoseconds. */
export interface Seen {
  readonly what: "started" | "executes" | "ended";
  readonly word: string;
  readonly pid: number;
  readonly at: string;
}

/** How much of a processor's time a thread of QEMU has that executes the guest. Nanoseconds: QEMU's helpers have less, its main thread is left out. */
const executingNs = 10_000_000;
const lookMs = 3;

const wanted = new Set<string>();
const bare = new Map<string, ChildProcess>();
/** Processes by their numbers: with what those of QEMU were started with, "" for those that may become QEMU yet. */
const candidates = new Map<number, string>();
/** The newest process that was looked at. */
let seen = 0;

function tell(what: Seen["what"], word: string, pid: number): void {
  process.send?.({ what, word, pid, at: String(process.hrtime.bigint()) } satisfies Seen);
}

const on: Readonly<Record<Request["do"], (request: Request) => void>> = {
  watch: ({ word }) => {
    if (wanted.size === 0) lookAtAll();
    wanted.add(word);
  },
  start: (request) => {
    const [program = "", ...args] = request.do === "start" ? request.words : [];
    tell("started", request.word, 0);
    bare.set(request.word, spawn(program, args, { stdio: "ignore", cwd: "/" }));
  },
  end: ({ word }) => {
    const child = bare.get(word);
    bare.delete(word);
    if (child === undefined) return tell("ended", word, 0);
    child.once("exit", () => tell("ended", word, child.pid ?? 0));
    child.kill("SIGKILL");
  },
};

process.on("message", (request: Request) => on[request.do](request));
process.on("disconnect", () => {
  for (const child of bare.values()) child.kill("SIGKILL");
  process.exit(0);
});

for (; ; await wait(lookMs)) if (wanted.size > 0) look();

function lookAtAll(): void {
  candidates.clear();
  // Before the list, so that what begins while it is read is new.
  seen = newest();
  for (const name of list("/proc")) if (/^\d+$/.test(name)) consider(Number(name));
}

/** Only at what is new, and what it was interested in before: it takes the processors from those that it watches. */
function look(): void {
  const last = newest();
  // The numbers begin anew some day.
  if (last < seen) lookAtAll();
  while (seen < last) consider(++seen);
  for (const [pid, known] of candidates) {
    const words = known || wordsOf(pid);
    if (words === undefined) candidates.delete(pid);
    else candidates.set(pid, words);
    const word = [...wanted].find((one) => words?.includes(one));
    if (word === undefined || !executes(pid)) continue;
    wanted.delete(word);
    tell("executes", word, pid);
  }
}

/** The number that was given last, to a process or a thread (proc(5), loadavg). */
function newest(): number {
  return Number(read("/proc/loadavg").split(" ")[4]);
}

/** "": it may become QEMU yet. Undefined: it is, and remains, something else. */
function wordsOf(pid: number): string | undefined {
  const words = read(`/proc/${pid}/cmdline`);
  const [program = ""] = words.split("\0");
  if (program.endsWith("qemu-system-x86_64")) return words;
  return /^$|(sh|nsenter|setpriv|node)$/.test(program) ? "" : undefined;
}

/** Threads have numbers as well, and some processes are the kernel's. */
function consider(pid: number): void {
  const status = read(`/proc/${pid}/status`);
  if (status.includes(`\nTgid:\t${pid}\n`) && status.includes("\nVmSize:")) candidates.set(pid, "");
}

function executes(pid: number): boolean {
  const tasks = `/proc/${pid}/task`;
  return list(tasks).some((task) => {
    const [executedNs] = read(`${tasks}/${task}/schedstat`).split(" ");
    return task !== String(pid) && Number(executedNs) > executingNs;
  });
}
