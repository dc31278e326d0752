// Joins a terminal to a console's WebSocket until one of them ends, and leaves the terminal as it was.

import type { Duplex } from "node:stream";
import { PhotonError } from "@photoncloud/sdk";
import { createWebSocketStream, type WebSocket } from "ws";
import { Escape } from "./console-escape.ts";
import type { Terminal } from "./io.ts";

/** The code of a close that nobody said goodbye in (RFC 6455 section 7.4.1). */
const brokeOff = 1006;
/** Of one that has no code at all, or the usual one. */
const wellEnded: readonly number[] = [1000, 1005];

export interface Line {
  readonly socket: WebSocket;
  readonly bytes: Duplex;
}

export function lineOf(socket: WebSocket): Line {
  const bytes = createWebSocketStream(socket);
  // The socket tells of the same.
  bytes.on("error", () => undefined);
  return { socket, bytes };
}

/** Resolves when the console was left, or its machine has ended. @throws PhotonError if it broke off, or was taken away. */
export async function attach({ socket, bytes: line }: Line, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const closed = closeOf(socket);
  line.on("data", (bytes: Buffer) => {
    if (terminal.output.write(bytes)) return;
    line.pause();
    terminal.output.once("drain", () => line.resume());
  });
  const leave = () => socket.close();
  const type = typing(terminal, line, leave);
  signal.addEventListener("abort", leave, { once: true });
  terminal.input.on("data", type);
  terminal.input.once("end", leave);
  terminal.raw(true);
  try {
    const { code, reason } = await closed;
    if (wellEnded.includes(code)) return;
    throw new PhotonError("unavailable", code === brokeOff ? "the connection to the console broke off" : reason);
  } finally {
    terminal.raw(false);
    terminal.input.off("data", type).off("end", leave).pause();
    signal.removeEventListener("abort", leave);
  }
}

function closeOf(socket: WebSocket): Promise<{ readonly code: number; readonly reason: string }> {
  return new Promise((resolve) => {
    socket.once("close", (code, reason) => resolve({ code, reason: reason.toString() }));
  });
}

/** What a program pipes in goes as it is: only a person can want to leave. */
function typing(terminal: Terminal, line: NodeJS.WritableStream, leave: () => void): (bytes: Buffer) => void {
  const escapes = terminal.isTty ? new Escape() : undefined;
  return (bytes) => {
    const typed = escapes?.take(bytes) ?? { bytes, leave: false };
    if (typed.bytes.length > 0 && !line.write(typed.bytes)) {
      terminal.input.pause();
      line.once("drain", () => terminal.input.resume());
    }
    if (typed.leave) leave();
  };
}
