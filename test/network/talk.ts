// A connection that never rests: a guest says something every 5 ms, and counts what comes back.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import type { Guest } from "./field.ts";

export interface Talk {
  /** Stops saying more, waits until all is answered or nothing has come for three seconds, and tells. Without a connection nothing was sent. */
  end(): Promise<{ readonly sent: number; readonly answered: number }>;
}

/** The server says a greeting first; each later line is an echo. A try to connect that fails is made again: a hole in a filter is found. */
const program = `
import { createConnection } from "node:net";
const [address, port] = process.argv.slice(1);
let [sent, answered, ending, greeted] = [0, 0, false, false];
let socket;
const connect = () => {
  socket = createConnection({ host: address, port: Number(port) });
  const retry = setTimeout(() => greeted || socket.destroy(), 100);
  socket.on("error", () => {});
  socket.on("close", () => greeted || ending || connect());
  socket.on("data", (bytes) => {
    clearTimeout(retry);
    answered += bytes.toString().split("\\n").length - 1;
    if (greeted) return;
    greeted = true;
    process.send("ready");
    const talking = setInterval(() => {
      if (ending) return clearInterval(talking);
      sent += 1;
      socket.write(sent + "\\n");
    }, 5);
  });
};
connect();
process.on("message", async () => {
  ending = true;
  const enough = sent === 0 ? 4 : 12;
  for (let quiet = 0, last = -1; (sent === 0 || answered < sent) && quiet < enough; ) {
    // What has come is read before it is missed.
    await new Promise((resolve) => setTimeout(() => setImmediate(resolve), 250));
    quiet = answered === last ? quiet + 1 : 0;
    last = answered;
  }
  process.send({ sent, answered });
  process.disconnect();
  socket.destroy();
});
`;

/** How long the server may take to greet, and one that should not be reached is tried before the talk goes on by itself. Milliseconds. */
const [greetedWithin, triedFor] = [10_000, 1_000];

/** @param blocked that nobody should be reached. Otherwise it resolves when the server has greeted. */
export async function openTalk(guest: Guest, address: string, port: number, blocked = false): Promise<Talk> {
  const words = ["netns", "exec", guest.namespace, process.execPath, "--input-type=module", "--eval", program];
  const child = spawn("ip", [...words, address, String(port)], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  await Promise.race([once(child, "message"), wait(blocked ? triedFor : greetedWithin, undefined, { ref: false })]);
  return { end: () => endOf(child) };
}

async function endOf(child: ChildProcess): Promise<{ readonly sent: number; readonly answered: number }> {
  const told = new Promise<{ readonly sent: number; readonly answered: number }>((resolve) => {
    child.on("message", (message) => {
      if (typeof message === "object" && "sent" in message && "answered" in message)
        resolve({ sent: Number(message.sent), answered: Number(message.answered) });
    });
  });
  child.send("end");
  return told;
}
