// What the two drivers of a move say to each other: one JSON object a line, over one of the move's streams.
import type { Duplex } from "node:stream";
import { DriverError } from "../../driver-error.ts";

export type Words = Readonly<Record<string, unknown>>;

/** How often a sign of life is sent, and after how long a silent line counts as cut. Milliseconds: well above what a busy host takes. */
const beatMs = 2_000;
const silentMs = 20_000;
/** More than any machine's description takes, in bytes. */
const longestLine = 4 * 1024 ** 2;

/** A conversation. It ends with its stream. */
export class MoveLine {
  readonly #stream: Duplex;
  readonly #waiting: ((words: Words | undefined) => void)[] = [];
  readonly #heard: Words[] = [];
  #rest = "";
  #lastHeard = performance.now();
  #isCut = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => this.#take(text));
    stream.on("error", () => {});
    stream.once("close", () => this.#end()).once("end", () => stream.destroy());
    const beat = setInterval(() => this.#beat(), beatMs).unref();
    stream.once("close", () => clearInterval(beat));
  }

  send(words: Words): void {
    if (!this.#stream.destroyed) this.#stream.write(`${JSON.stringify(words)}\n`);
  }

  /** What the other end says next; undefined: the line is cut. */
  next(): Promise<Words | undefined> {
    const heard = this.#heard.shift();
    if (heard !== undefined || this.#isCut) return Promise.resolve(heard);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  close(): void {
    this.#stream.destroy();
  }

  /** What was said last gets there still. */
  end(): void {
    this.#stream.end();
  }

  #beat(): void {
    if (performance.now() - this.#lastHeard > silentMs) this.#stream.destroy();
    else this.send({});
  }

  #take(text: string): void {
    this.#lastHeard = performance.now();
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > longestLine) return void this.#stream.destroy();
    for (const line of lines) this.#hear(line);
  }

  #hear(line: string): void {
    const words = wordsOf(line);
    if (words === undefined) return void this.#stream.destroy();
    if (Object.keys(words).length === 0) return;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#heard.push(words);
    else waiting(words);
  }

  #end(): void {
    this.#isCut = true;
    for (const waiting of this.#waiting.splice(0)) waiting(undefined);
  }
}

/** Undefined: it is no JSON object. */
function wordsOf(line: string): Words | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : undefined;
  } catch {
    return undefined;
  }
}

/** For the operator; what is no word of a backend's is no secret of a tenant's either. */
export function sentenceOf(error: unknown): string {
  if (error instanceof DriverError) return error.message;
  return error instanceof Error ? error.message : String(error);
}
