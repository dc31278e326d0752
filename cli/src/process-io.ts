// The surroundings of a real process.
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import type { Io, Terminal } from "./io.ts";

/** Asks at the terminal; what is typed is not echoed. */
function askHidden(question: string): Promise<string> {
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  return new Promise((resolve, reject) => {
    lines.once("SIGINT", () => {
      lines.close();
      reject(new Error("stopped"));
    });
    lines.question("", (answer) => {
      lines.close();
      process.stderr.write("\n");
      resolve(answer);
    });
  });
}

/** `photon vm list | head` closes the pipe before everything is written: that is its reader's right, and no error of ours. */
function endQuietlyAtClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
}

function processTerminal(): Terminal {
  const { stdin: input, stdout: output } = process;
  return {
    input,
    output,
    isTty: input.isTTY === true,
    raw(on) {
      if (input.isTTY === true) input.setRawMode(on);
    },
  };
}

export function processIo(): Io {
  const stop = new AbortController();
  process.stdout.on("error", endQuietlyAtClosedPipe);
  process.once("SIGINT", () => stop.abort());
  return {
    env: process.env,
    now: () => Date.now(),
    out: (shown) => void process.stdout.write(shown),
    err: (shown) => void process.stderr.write(shown),
    readStdin: () => text(process.stdin),
    ask: process.stdin.isTTY ? askHidden : undefined,
    terminal: processTerminal(),
    signal: stop.signal,
  };
}
