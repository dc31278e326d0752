// Starts programs from a small process beside ours, a shell. To become another program a process is copied first, which takes the longer the more
// memory it has: for a server it is tens of milliseconds in which nothing else is done, for a shell less than one.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { inNetwork, networkIdentity } from "./in-network.ts";
import { endingsOf, type Files, type Run, runScript, type Start, startScript } from "./starter-scripts.ts";

type Shell = ChildProcessByStdio<Writable, Readable, null>;

interface Pending {
  readonly pid: PromiseWithResolvers<number>;
  /** The word that tells how it went, and a number where there is one. */
  readonly told: PromiseWithResolvers<readonly [word: string, number: number]>;
}

/** How long it may take until a program begins, in milliseconds. */
const longestMs = 20_000;

export class Starter {
  readonly #env: NodeJS.ProcessEnv;
  readonly #namespace: string | undefined;
  readonly #pending = new Map<string, Pending>();
  #shell: Shell | undefined;
  /** Which network the small process is in. */
  #network: number | undefined;
  /** Where what programs say is kept until it is read. */
  #folder = "";
  #isClosed = false;
  #next = 0;

  /** @param env what all programs have. @param namespace in whose network (`ip netns`) all of them are; undefined: in ours. */
  constructor(env: NodeJS.ProcessEnv, namespace?: string) {
    this.#env = env;
    this.#namespace = namespace;
  }

  /** Answers its process's number when it is in its control groups: it is on its way to its program then. @throws Error where it does not get there; its log says why. */
  async start(start: Start): Promise<number> {
    return this.#ask(
      (id) => startScript(id, start),
      async (pending) => {
        const late = setTimeout(() => giveUp(pending), longestMs);
        try {
          const [pid, [word]] = await Promise.all([pending.pid.promise, pending.told.promise]);
          if (word === "begins") return pid;
          throw new Error("it could not be started");
        } finally {
          clearTimeout(late);
        }
      },
    );
  }

  /** Runs a program to its end, and answers how that was; -1: it was killed. @param signal kills it. @throws Error if the small process is lost, what the signal was aborted with. */
  async run(
    run: Run,
    signal: AbortSignal,
  ): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
    let files: Files | undefined;
    return this.#ask(
      (id) => {
        files = { out: join(this.#folder, `${id}o`), err: join(this.#folder, `${id}e`) };
        return runScript(id, run, files);
      },
      async ({ pid, told }) => {
        const kill = () => void pid.promise.then((number) => process.kill(number, "SIGKILL")).catch(() => {});
        signal.addEventListener("abort", kill);
        if (signal.aborted) kill();
        try {
          const [, status] = await told.promise;
          return endingsOf(status, files);
        } finally {
          signal.removeEventListener("abort", kill);
        }
      },
    );
  }

  /** Ends the small process when all that was asked is done. What it started runs on. */
  close(): void {
    this.#isClosed = true;
    this.#rest();
  }

  async #ask<T>(script: (id: string) => string, answer: (pending: Pending) => Promise<T>): Promise<T> {
    const id = String(++this.#next);
    const pending: Pending = { pid: Promise.withResolvers(), told: Promise.withResolvers() };
    pending.told.promise.catch(() => {});
    this.#pending.set(id, pending);
    try {
      this.#leaveLostNetwork();
      this.#shell ??= this.#open();
      setHold(this.#shell, "ref");
      this.#shell.stdin.write(script(id));
      return await answer(pending);
    } finally {
      this.#pending.delete(id);
      this.#rest();
    }
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

  /** A namespace that was made anew under its name is another one: what was asked for in the old one is done there yet. */
  #leaveLostNetwork(): void {
    if (this.#namespace === undefined || this.#shell === undefined) return;
    if (networkIdentity(this.#namespace) === this.#network) return;
    this.#shell.stdin.end();
    this.#shell = undefined;
  }

  #open(): Shell {
    if (this.#namespace !== undefined) this.#network = networkIdentity(this.#namespace);
    this.#folder = mkdtempSync(join(tmpdir(), "photon-programs-"));
    const env = { ...this.#env, WORK: this.#folder };
    // A terminal's interrupt is for us, and for nothing that outlives us.
    const [program = "", ...args] = inNetwork(this.#namespace, "/bin/sh");
    const shell = spawn(program, args, { env, detached: true, stdio: ["pipe", "pipe", "ignore"] });
    createInterface({ input: shell.stdout }).on("line", (line) => this.#hear(line));
    shell.stdin.on("error", () => {}).write(`exec 3>&1\nmine=$WORK\nunset WORK\ntrap 'rm -rf "$mine"' EXIT\n`);
    shell.once("error", () => this.#lost(shell)).once("exit", () => this.#lost(shell));
    return shell;
  }

  #hear(line: string): void {
    const [id = "", word = "", number = ""] = line.split(" ");
    const pending = this.#pending.get(id);
    if (word === "is") pending?.pid.resolve(Number(number));
    else pending?.told.resolve([word, Number(number)]);
  }

  #lost(shell: Shell): void {
    // What was not started yet can't tell that it begins, and does not.
    shell.stdout.destroy();
    if (this.#shell !== shell) return;
    this.#shell = undefined;
    rmSync(this.#folder, { recursive: true, force: true });
    const lost = new Error("the process that starts programs has ended");
    for (const { told } of this.#pending.values()) told.reject(lost);
  }
}

/** What it waits for hangs: it must not begin when nobody expects it any more. */
function giveUp({ pid, told }: Pending): void {
  told.reject(new Error(`it did not begin within ${longestMs / 1000} seconds`));
  void pid.promise.then((number) => process.kill(number, "SIGKILL")).catch(() => {});
}

function setHold(shell: Shell, hold: "ref" | "unref"): void {
  shell[hold]();
  for (const stream of [shell.stdin, shell.stdout]) if (stream instanceof Socket) stream[hold]();
}
