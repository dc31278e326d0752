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
/** What a process was started with, once it is QEMU; undefined: it is, and remains, something else. */
const known = new Map<string, string | undefined>();

function tell(what: Seen["what"], word: string, pid: number): void {
  process.send?.({ what, word, pid, at: String(process.hrtime.bigint()) } satisfies Seen);
}

const on: Readonly<Record<Request["do"], (request: Request) => void>> = {
  watch: ({ word }) => wanted.add(word),
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

function look(): void {
  const pids = list("/proc").filter((name) => /^\d+$/.test(name));
  for (const pid of known.keys()) if (!pids.includes(pid)) known.delete(pid);
  for (const pid of pids) {
    const words = wordsOf(pid);
    const word = words && [...wanted].find((one) => words.includes(one));
    if (word === undefined || word === "" || !executes(pid)) continue;
    wanted.delete(word);
    tell("executes", word, Number(pid));
  }
}

/** Programs on the way to QEMU become others yet. */
function wordsOf(pid: string): string | undefined {
  if (known.has(pid)) return known.get(pid);
  const words = read(`/proc/${pid}/cmdline`);
  const [program = ""] = words.split("\0");
  if (program.endsWith("qemu-system-x86_64")) known.set(pid, words);
  else if (program !== "" && !/(sh|nsenter|setpriv|node)$/.test(program)) known.set(pid, undefined);
  return known.get(pid);
}

function executes(pid: string): boolean {
  const tasks = `/proc/${pid}/task`;
  return list(tasks).some((task) => {
    const [executedNs] = read(`${tasks}/${task}/schedstat`).split(" ");
    return task !== pid && Number(executedNs) > executingNs;
  });
}
