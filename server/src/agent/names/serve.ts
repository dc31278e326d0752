// Serves a resolver on sockets that are there already.
import type { Socket as UdpSocket } from "node:dgram";
import type { Server, Socket } from "node:net";
import type { Asking } from "./resolver.ts";

export type Answerer = (bytes: Buffer, asking: Asking) => Promise<Buffer | undefined>;

/** Connections at a time, of all guests of a subnet and of one; how long one may rest or last in milliseconds; questions at a time on one. */
const mostConnections = 256;
const mostOfOne = 16;
const idleMs = 5_000;
const longestMs = 30_000;
const mostAtOnce = 16;
/** How long a question over TCP may be (the resolver takes no longer one), and how much a guest may leave unread. Bytes. */
const longest = 4_096;
const mostUnread = 256 * 1_024;

export function serveUdp(socket: UdpSocket, answer: Answerer): void {
  // What goes wrong with one datagram is no reason to stop.
  socket.on("error", () => undefined);
  socket.on("message", (bytes, { address, port }) => {
    void answer(bytes, { client: address, transport: "udp" }).then((response) => {
      // Where the guest is gone there is nobody to tell.
      if (response !== undefined) trySend(() => socket.send(response, port, address, () => undefined));
    });
  });
}

function trySend(send: () => void): void {
  try {
    send();
  } catch {
    // The socket was closed while the answer was on its way.
  }
}

/** Answers how to end the connections. */
export function serveTcp(server: Server, answer: Answerer): () => void {
  const open = new Map<Socket, string>();
  // A connection that could not be taken, as where there are no more file descriptors: the next one may be.
  server.on("error", () => undefined);
  server.on("connection", (socket) => {
    const client = socket.remoteAddress ?? "";
    const own = [...open.values()].filter((other) => other === client).length;
    if (open.size >= mostConnections || own >= mostOfOne) return void socket.destroy();
    open.set(socket, client);
    const late = setTimeout(() => socket.destroy(), longestMs);
    socket.on("close", () => {
      clearTimeout(late);
      open.delete(socket);
    });
    serveConnection(socket, client, answer);
  });
  return () => {
    for (const socket of open.keys()) socket.destroy();
  };
}

/** Messages with their length before them (RFC 7766, section 8). */
function serveConnection(socket: Socket, client: string, answer: Answerer): void {
  let came = Buffer.alloc(0);
  let running = 0;
  socket.setTimeout(idleMs, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  const reply = async (bytes: Buffer) => {
    const response = await answer(bytes, { client, transport: "tcp" });
    running--;
    if (response === undefined || socket.writableLength > mostUnread) return void socket.destroy();
    socket.write(framed(response));
    take();
  };
  const take = () => {
    while (came.length >= 2 && running < mostAtOnce) {
      const length = came.readUInt16BE(0);
      if (length > longest) return void socket.destroy();
      if (came.length < 2 + length) break;
      running++;
      void reply(came.subarray(2, 2 + length));
      came = came.subarray(2 + length);
    }
    if (running < mostAtOnce) socket.resume();
    else socket.pause();
  };
  socket.on("data", (chunk) => {
    came = Buffer.concat([came, chunk]);
    take();
  });
}

function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}
