// Starts programs from a small process beside ours, a shell. To become another program a process is copied first, which takes the longer the more
// memory it has: for a server it is tens of milliseconds in which nothing else is done, for a shell less than one.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { systemEnv } from "./command.ts";

/** A program that outlives us. It has nothing of our environment, reads nothing, and is in the root folder. */
export interface Start {
  readonly words: readonly string[];
  /** The file that all that it says is added to. */
  readonly log: string;
  /** Files into which its number is written first, so that it is in its control groups from its first instruction on: memory is charged where it was taken. Default none. */
  readonly controlGroups?: readonly string[];
  /** Done before it begins, and must succeed. Default nothing. */
  readonly first?: { readonly words: readonly string[]; readonly input: string } | undefined;
}

type Shell = ChildProcessByStdio<Writable, Readable, null>;

interface Pending {
  readonly pid: PromiseWithResolvers<number>;
  readonly begun: PromiseWithResolvers<void>;
}

/** How long it may take until a program begins, in milliseconds. */
const longestMs = 20_000;

export class Starter {
  readonly #pending = new Map<string, Pending>();
  #shell: Shell | undefined;
  #isClosed = false;
  #next = 0;

  /** Answers its process's number when what comes first is done: it is on its way to its program then. @throws Error where it does not get there; its log says why. */
  async start(start: Start): Promise<number> {
    const id = String(++this.#next);
    const pending: Pending = { pid: Promise.withResolvers(), begun: Promise.withResolvers() };
    this.#pending.set(id, pending);
    this.#shell ??= this.#open();
    setHold(this.#shell, "ref");
    this.#shell.stdin.write(scriptOf(id, start));
    const late = setTimeout(() => giveUp(pending), longestMs);
    try {
      const [pid] = await Promise.all([pending.pid.promise, pending.begun.promise]);
      return pid;
    } finally {
      clearTimeout(late);
      this.#pending.delete(id);
      this.#rest();
    }
  }

  /** Ends the small process when all that was asked is done. What it started runs on. */
  close(): void {
    this.#isClosed = true;
    this.#rest();
  }

  /** Alone, it keeps nobody from ending. */
  #rest(): void {
    const shell = this.#shell;
    if (this.#pending.size > 0 || shell === undefined) return;
    setHold(shell, "unref");
    if (!this.#isClosed) return;
    this.#shell = undefined;
    shell.stdin.end();
  }

  #open(): Shell {
    const env = { PATH: systemEnv().PATH, LC_ALL: "C" };
    // A terminal's interrupt is for us, and for nothing that outlives us.
    const shell = spawn("/bin/sh", [], { cwd: "/", env, detached: true, stdio: ["pipe", "pipe", "ignore"] });
    createInterface({ input: shell.stdout }).on("line", (line) => this.#hear(line));
    shell.stdin.on("error", () => {}).write("exec 3>&1\n");
    shell.once("error", () => this.#lost(shell)).once("exit", () => this.#lost(shell));
    return shell;
  }

  #hear(line: string): void {
    const [id = "", word, pid] = line.split(" ");
    const pending = this.#pending.get(id);
    if (word === "is") pending?.pid.resolve(Number(pid));
    else if (word === "begins") pending?.begun.resolve();
    else pending?.begun.reject(new Error("it could not be started"));
  }

  #lost(shell: Shell): void {
    // What was not started yet can't tell that it begins, and does not.
    shell.stdout.destroy();
    if (this.#shell !== shell) return;
    this.#shell = undefined;
    const lost = new Error("the process that starts programs has ended");
    for (const { begun } of this.#pending.values()) begun.reject(lost);
  }
}

/** What it waits for hangs: it must not begin when nobody expects it any more. */
function giveUp({ pid, begun }: Pending): void {
  begun.reject(new Error(`it did not begin within ${longestMs / 1000} seconds`));
  void pid.promise.then((number) => process.kill(number, "SIGKILL")).catch(() => {});
}

function setHold(shell: Shell, hold: "ref" | "unref"): void {
  shell[hold]();
  for (const stream of [shell.stdin, shell.stdout]) if (stream instanceof Socket) stream[hold]();
}

/**
 * Control groups are entered while what comes first is done: both wait for the kernel. Where any of it fails, or we are gone, nothing begins. The
 * last line has the shell take note of programs that have ended.
 */
function scriptOf(id: string, { words, log, controlGroups = [], first }: Start): string {
  const begin =
    first === undefined ? "" : `printf %s ${quoted(first.input)} | ${first.words.map(quoted).join(" ")} & first=$!`;
  const steps = [
    ...controlGroups.map((file) => `echo 0 >${quoted(file)}`),
    ...(first === undefined ? [] : ['wait "$first"']),
    `echo ${id} begins >&3`,
    `exec ${words.map(quoted).join(" ")} 3>&-`,
  ];
  return `( { ${begin}
${steps.join(" &&\n")}
} </dev/null >>${quoted(log)} 2>&1 || echo ${id} fails >&3 ) &
echo ${id} is $!
( : )
`;
}

/** Between single quotes nothing has a meaning but a single quote (POSIX, Shell Command Language, 2.2.2). */
function quoted(word: string): string {
  if (word.includes("\0")) throw new Error("a program's word can't hold a zero byte");
  return `'${word.replaceAll("'", "'\\''")}'`;
}
