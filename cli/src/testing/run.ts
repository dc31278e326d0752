// For tests: runs a command line in this process and keeps what it printed.
import type { Terminal } from "../io.ts";
import { main } from "../main.ts";

export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly now?: number;
  /** Called with all output so far, whenever something is printed; for commands that go on until they are stopped. */
  readonly onOut?: (out: string) => void;
  /** The same of what is said beside the output. */
  readonly onErr?: (err: string) => void;
  readonly signal?: AbortSignal;
  readonly terminal?: Terminal;
  /** What a person types, without showing it. */
  readonly ask?: (question: string, err: string) => string;
}

/** Splits a line as a shell would that knows 'single quotes' alone. */
export function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:[^\s']+|'[^']*')+/g)].map(([word]) => word.replaceAll("'", ""));
}

export async function runPhoton(args: string | readonly string[], options: RunOptions = {}): Promise<Run> {
  let out = "";
  let err = "";
  const code = await main(typeof args === "string" ? wordsOf(args) : args, {
    env: options.env ?? {},
    now: () => options.now ?? 0,
    out: (text) => {
      out += text;
      options.onOut?.(out);
    },
    err: (text) => {
      err += text;
      options.onErr?.(err);
    },
    readStdin: async () => options.stdin ?? "",
    ask: options.ask && (async (question) => options.ask?.(question, err) ?? ""),
    ...(options.terminal && { terminal: options.terminal }),
    signal: options.signal ?? new AbortController().signal,
  });
  return { code, out, err };
}
