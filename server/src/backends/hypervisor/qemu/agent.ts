// Asks a guest's agent (QEMU, qemu-ga's protocol) over its virtio-serial port. Whoever answers there is the tenant's: answers are bounded in
// size and time, and their words are for display alone.
import { randomInt } from "node:crypto";
import { connect, type Socket } from "node:net";
import { recordOf } from "./qmp.ts";

/** What the agent tells. */
export interface GuestWords {
  readonly hostname: string;
  readonly os: string;
}

/** How long a guest may take for all that is asked, in milliseconds. */
const longestMs = 2_000;
/** More than an honest agent ever answers to these, in bytes. */
const longestAnswer = 64 * 1024;
/** A host's name (RFC 1035) and a system's pretty name are shorter. */
const longestWord = 255;
/** Marks a fresh start in both directions: no JSON holds this byte. */
const delimiter = 0xff;

/** Undefined: nobody answers, or not so as an agent would. */
export async function askGuest(path: string, timeoutMs = longestMs): Promise<GuestWords | undefined> {
  const socket = connect({ path });
  const late = setTimeout(() => socket.destroy(), timeoutMs);
  try {
    const lines = linesOf(socket);
    const told = await tell(socket, lines);
    return told;
  } catch {
    return undefined;
  } finally {
    clearTimeout(late);
    socket.destroy();
  }
}

async function tell(socket: Socket, lines: AsyncIterator<string>): Promise<GuestWords> {
  const id = randomInt(1, 2 ** 31);
  socket.write(Buffer.of(delimiter));
  let answered = await ask(socket, lines, "guest-sync-delimited", { id });
  // The rest of an earlier conversation may come first.
  while (answered !== id) answered = await next(lines);
  const name = recordOf(await ask(socket, lines, "guest-get-host-name"))?.["host-name"];
  const system = recordOf(await ask(socket, lines, "guest-get-osinfo"));
  return { hostname: word(name), os: word(system?.["pretty-name"] ?? system?.name) };
}

async function ask(socket: Socket, lines: AsyncIterator<string>, execute: string, args?: object): Promise<unknown> {
  if (!socket.destroyed) socket.write(`${JSON.stringify({ execute, ...(args && { arguments: args }) })}\n`);
  return next(lines);
}

/** What the next line answers. */
async function next(lines: AsyncIterator<string>): Promise<unknown> {
  const line = await lines.next();
  if (line.done === true) throw new Error("the agent is gone");
  try {
    return recordOf(JSON.parse(line.value))?.return;
  } catch {
    return undefined;
  }
}

/** @throws Error if more comes than an agent answers. */
async function* linesOf(socket: Socket): AsyncGenerator<string> {
  let [pending, taken] = ["", 0];
  for await (const chunk of socket) {
    const bytes = Buffer.from(chunk);
    taken += bytes.length;
    if (taken > longestAnswer) throw new Error("the agent answers without an end");
    const lines = (pending + bytes.toString("latin1").replaceAll("\xff", "")).split("\n");
    pending = lines.pop() ?? "";
    yield* lines.map((line) => Buffer.from(line, "latin1").toString("utf8"));
  }
}

/** Neither long nor able to steer a terminal. */
function word(value: unknown): string {
  return typeof value === "string" ? value.replaceAll(/\p{C}/gu, "").slice(0, longestWord) : "";
}
