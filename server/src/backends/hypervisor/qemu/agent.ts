// Asks a guest's agent (QEMU, "Guest Agent Protocol") over its virtio-serial port, which serves one at a time: who comes later waits for its turn. Whoever answers there is the tenant's: answers are bounded in
// size and time, and their words are for display alone.
import { randomInt } from "node:crypto";
import { connect, type Socket } from "node:net";
import { type Qmp, recordOf } from "./qmp.ts";

/** What the agent tells. */
export interface GuestWords {
  readonly hostname: string;
  readonly os: string;
}

/** How long a guest may take for all that is asked, in milliseconds. */
const longestMs = 2_000;
/** How long a guest may take to write out its file systems, in milliseconds: a program that writes waits meanwhile. */
const longestFreezeMs = 10_000;
/** More than an honest agent ever answers to these, in bytes. */
const longestAnswer = 64 * 1024;
/** A host's name (RFC 1035) and a system's pretty name are shorter. */
const longestWord = 255;
/** Marks a fresh start in both directions: no JSON holds this byte. */
const delimiter = 0xff;

/** Whether a guest's agent has opened its port. A guest without one is not asked. */
export async function hasAgent(monitor: Qmp): Promise<boolean> {
  const answer = await monitor.execute("query-chardev");
  const ports = (Array.isArray(answer) ? answer : []).map((one: unknown) => recordOf(one));
  return ports.find((one) => one?.label === "qga")?.["frontend-open"] === true;
}

/** Undefined: nobody answers, or not so as an agent would. */
export function askGuest(path: string, timeoutMs = longestMs): Promise<GuestWords | undefined> {
  return talk(path, timeoutMs, async (ask) => {
    const name = recordOf(await ask("guest-get-host-name"))?.["host-name"];
    const system = recordOf(await ask("guest-get-osinfo"));
    return { hostname: word(name), os: word(system?.["pretty-name"] ?? system?.name) };
  });
}

/** Asks the guest to shut down; its end is the answer. */
export async function shutDownGuest(path: string, timeoutMs = longestMs): Promise<void> {
  await talk(path, timeoutMs, (ask) => ask("guest-shutdown", { mode: "powerdown" }));
}

/** Has the guest write out its file systems and keep them still. False: it did not say so in time, but may do it yet. */
export async function freezeGuest(path: string, timeoutMs = longestFreezeMs): Promise<boolean> {
  return typeof (await talk(path, timeoutMs, (ask) => ask("guest-fsfreeze-freeze"))) === "number";
}

/** Lets the guest's file systems go on, also ones that are frozen late: an agent does one thing after the other. False: it did not say so in time. */
export async function thawGuest(path: string, timeoutMs = longestFreezeMs): Promise<boolean> {
  return typeof (await talk(path, timeoutMs, (ask) => ask("guest-fsfreeze-thaw"))) === "number";
}

type Ask = (execute: string, args?: object) => Promise<unknown>;

/** A conversation; undefined: it did not come to its end in time. */
async function talk<T>(path: string, timeoutMs: number, words: (ask: Ask) => Promise<T>): Promise<T | undefined> {
  const socket = connect({ path });
  const late = setTimeout(() => socket.destroy(), timeoutMs);
  try {
    const lines = linesOf(socket);
    await greet(socket, lines);
    return await words((execute, args) => ask(socket, lines, execute, args));
  } catch {
    return undefined;
  } finally {
    clearTimeout(late);
    socket.destroy();
  }
}

/** The rest of an earlier conversation may come first. */
async function greet(socket: Socket, lines: AsyncIterator<string>): Promise<void> {
  const id = randomInt(1, 2 ** 31);
  socket.write(Buffer.of(delimiter));
  let answered = await ask(socket, lines, "guest-sync-delimited", { id });
  while (answered !== id) answered = await next(lines);
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
