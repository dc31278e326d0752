// The program inside a guest, seen from outside: started at the first order, ended with the guest.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { inside } from "../../../linux/namespaces.ts";
import type { Answer, Order } from "./guest-program.ts";

const program = join(import.meta.dirname, "guest-program.ts");

export class GuestProcess {
  readonly #namespace: string;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #child: ChildProcess | undefined;
  #last = 0;

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  /** @throws Error with what went wrong inside. */
  async order(order: Order): Promise<Answer["result"]> {
    this.#child ??= this.#start();
    this.#last += 1;
    const number = this.#last;
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(number, resolve));
    this.#child.send({ number, order });
    const { result, error } = await answered;
    if (error !== undefined) throw new Error(`in ${this.#namespace}: ${error}`);
    return result;
  }

  async end(): Promise<void> {
    if (this.#child === undefined || this.#child.exitCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.disconnect();
    await gone;
  }

  #start(): ChildProcess {
    const [first = "", ...words] = inside(this.#namespace, process.execPath, program);
    const child = spawn(first, words, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { PATH: process.env.PATH },
    });
    child.on("message", (answer: Answer) => {
      this.#waiting.get(answer.number)?.(answer);
      this.#waiting.delete(answer.number);
    });
    child.once("exit", (code) => {
      for (const [number, resolve] of this.#waiting) resolve({ number, error: `its program ended with code ${code}` });
      this.#waiting.clear();
    });
    return child;
  }
}
