// One daemon, kept alive: it runs as our child, and is started again whenever it ends without having been told to.
import { type ChildProcess, spawn } from "node:child_process";
import { createConnection } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { systemEnv } from "../../../linux/command.ts";
import type { Daemon } from "./private-ovn.ts";

export interface DaemonSpec {
  readonly name: string;
  /** The program and its arguments; it stays in the foreground. */
  readonly words: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The Unix socket that it answers on once it is at work. */
  readonly socket?: string;
  /** Done after every start, once it answers: what does not survive the daemon. */
  readonly prepare?: (signal: AbortSignal, pid: number) => Promise<void>;
}

/** The pause before it is started again, doubled with every start that did not last. Milliseconds. */
const firstPauseMs = 20;
const longestPauseMs = 5_000;
/** A daemon that lived this long is taken for healthy, so that its end is met without a pause. Milliseconds. */
const healthyMs = 10_000;
/** How long a daemon may take to answer, and to end when it is asked to. Milliseconds. */
const startMs = 20_000;
const endMs = 3_000;

export class SupervisedDaemon implements Daemon {
  readonly name: string;
  readonly #spec: DaemonSpec;
  readonly #log: (message: string) => void;
  readonly #stop = new AbortController();
  #child: ChildProcess | undefined;
  #pauseMs = firstPauseMs;
  /** The prepared start that is under way, or the last one. */
  #prepared: Promise<void> = Promise.resolve();

  constructor(spec: DaemonSpec, log: (message: string) => void) {
    this.name = spec.name;
    this.#spec = spec;
    this.#log = log;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when it answers. @throws Error if it does not. */
  async start(): Promise<void> {
    this.#spawn();
    await this.#prepared;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    const child = this.#child;
    if (child !== undefined) {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), endMs);
      await gone;
      clearTimeout(timer);
    }
    await this.#prepared.catch(() => {});
  }

  #spawn(): void {
    const { words, env } = this.#spec;
    // Unsupervised it would be in nobody's care, and in the way of the next start: it ends with this process, however that ends.
    // A session of its own keeps a terminal's Ctrl-C from it: it is ended in order.
    const options = { stdio: "ignore", detached: true, env: systemEnv(env) } as const;
    const child = spawn("setpriv", ["--pdeathsig", "KILL", ...words], options);
    this.#child = child;
    const born = Date.now();
    const ended = (how: string) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      if (!this.#stop.signal.aborted) void this.#startAgain(how, Date.now() - born);
    };
    child.once("error", (error) => ended(error.message));
    child.once("exit", (code, signal) => ended(signal ?? `code ${code}`));
    this.#prepared = this.#prepare(child);
    // Whoever asked for the start is told; of a later one the log tells.
    this.#prepared.catch((error: unknown) => {
      if (!this.#stop.signal.aborted && this.#child === child) this.#log(`${this.name} is not ready: ${error}`);
    });
  }

  async #startAgain(how: string, livedMs: number): Promise<void> {
    this.#pauseMs = livedMs >= healthyMs ? firstPauseMs : Math.min(this.#pauseMs * 2, longestPauseMs);
    this.#log(`${this.name} ended (${how}) and is started again in ${this.#pauseMs} ms`);
    await wait(this.#pauseMs, undefined, { signal: this.#stop.signal }).then(
      () => this.#spawn(),
      () => {},
    );
  }

  async #prepare(child: ChildProcess): Promise<void> {
    const ends = new AbortController();
    child.once("exit", () => ends.abort(new Error(`${this.name} ended; its log tells why`)));
    const signal = AbortSignal.any([ends.signal, this.#stop.signal, AbortSignal.timeout(startMs)]);
    if (this.#spec.socket !== undefined) await untilAnswers(this.#spec.socket, signal);
    if (child.pid !== undefined) await this.#spec.prepare?.(signal, child.pid);
  }
}

/** Resolves when someone accepts connections on a Unix socket. */
async function untilAnswers(path: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    if (await answers(path)) return;
    await wait(10);
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => done(true));
    socket.once("error", () => done(false));
  });
}
