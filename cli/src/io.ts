// What the command touches of the world outside; a test gives its own.
import type { Readable, Writable } from "node:stream";

/** Where a person types and sees, or pipes in their place. */
export interface Terminal {
  readonly input: Readable;
  readonly output: Writable;
  /** Whether a person types. */
  readonly isTty: boolean;
  /** Every key is ours at once, Ctrl-C included, or it is the terminal's again. */
  raw(on: boolean): void;
}

export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since 1970. */
  now(): number;
  out(text: string): void;
  err(text: string): void;
  /** All of standard input. */
  readStdin(): Promise<string>;
  /** Asks at the terminal without showing what is typed; undefined where there is no terminal. */
  readonly ask: ((question: string) => Promise<string>) | undefined;
  /** Undefined where there is none to be had. */
  readonly terminal?: Terminal;
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal;
}
