// Keeps 32 connections busy with one request after the other, and counts the answers. Sockets and not an HTTP client: the client must not
// be what is measured.
import { connect, type Socket } from "node:net";

/** What to call. */
export interface Target {
  readonly port: number;
  readonly path: string;
  readonly body: string;
  readonly token: string;
}

const connections = 32;
const headEnd = Buffer.from("\r\n\r\n");

function requestBytes({ port, path, body, token }: Target): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(token === "" ? [] : [`Authorization: Bearer ${token}`]),
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
}

/** The length of a whole answer at the beginning of what came; undefined: more must come. @throws Error if it is no success. */
function answerLength(seen: Buffer): number | undefined {
  const end = seen.indexOf(headEnd);
  if (end === -1) return undefined;
  const head = seen.subarray(0, end).toString("latin1");
  if (!head.startsWith("HTTP/1.1 200")) throw new Error(seen.toString("utf8"));
  const length = /^content-length: (\d+)$/im.exec(head)?.[1];
  if (length === undefined) throw new Error(`no content-length in ${head}`);
  const whole = end + headEnd.length + Number(length);
  return seen.length < whole ? undefined : whole;
}

/** One connection's loop until the time is over. Answers how many answers came. */
async function keepBusy(port: number, request: Buffer, until: number): Promise<number> {
  const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let seen: Buffer = Buffer.alloc(0);
  let count = 0;
  socket.on("connect", () => socket.write(request));
  socket.on("error", reject);
  socket.on("data", (chunk) => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    try {
      if (answerLength(seen) === undefined) return;
    } catch (error) {
      return reject(error);
    }
    seen = Buffer.alloc(0);
    count += 1;
    if (performance.now() < until) socket.write(request);
    else resolve(count);
  });
  return promise.finally(() => socket.destroy());
}

/** Calls a target for a while. */
export async function callsPerSecond(target: Target, forMs: number): Promise<number> {
  const request = requestBytes(target);
  const began = performance.now();
  const loops = Array.from({ length: connections }, () => keepBusy(target.port, request, began + forMs));
  const counts = await Promise.all(loops);
  return (counts.reduce((sum, count) => sum + count, 0) * 1_000) / (performance.now() - began);
}
