// Sees from outside when guests execute, and starts bare ones, by a process of its own.
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Request, Seen } from "./observer-child.ts";

const program = fileURLToPath(new URL("observer-child.ts", import.meta.url));
const patienceMs = 60_000;

/** Milliseconds of the system's monotonic clock, which all processes share. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export class Observer {
  readonly #child: ChildProcess = fork(program, [], { execArgv: [] });
  readonly #waiting = new Map<string, (seen: Seen) => void>();

  constructor() {
    this.#child.on("message", (seen: Seen) => this.#waiting.get(`${seen.what} ${seen.word}`)?.(seen));
  }

  /** Resolves when the guest with the word among its process's arguments executes instructions. */
  async executing(word: string): Promise<{ readonly pid: number; readonly atMs: number }> {
    const { pid, at } = await this.#ask({ do: "watch", word }, "executes");
    return { pid, atMs: Number(at) / 1e6 };
  }

  /** Starts a program, named by the word. Answers when that was begun. */
  async start(word: string, words: readonly string[]): Promise<number> {
    return Number((await this.#ask({ do: "start", word, words }, "started")).at) / 1e6;
  }

  async end(word: string): Promise<void> {
    await this.#ask({ do: "end", word }, "ended");
  }

  close(): void {
    this.#child.disconnect();
  }

  #ask(request: Request, what: Seen["what"]): Promise<Seen> {
    const { promise, resolve, reject } = Promise.withResolvers<Seen>();
    const key = `${what} ${request.word}`;
    const late = setTimeout(() => reject(new Error(`no guest ${request.word} ${what}`)), patienceMs);
    this.#waiting.set(key, resolve);
    this.#child.send(request);
    return promise.finally(() => {
      clearTimeout(late);
      this.#waiting.delete(key);
    });
  }
}
