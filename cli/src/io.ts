// What the command touches of the world outside; a test gives its own.

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
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal;
}
