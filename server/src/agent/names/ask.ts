// Asks one server one question (RFC 1035, section 4.2; against forged answers: RFC 5452): from a port of its own, with an id of its own, heeding only
// answers from that server to that question.
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import type { Query } from "./query.ts";
import type { Upstream } from "./upstreams.ts";

/** The query under another id. */
function withId(bytes: Buffer, id: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt16BE(id, 0);
  return copy;
}

/** Whether a message answers a question that was asked under an id, letter case included. */
function answers(message: Buffer, id: number, { questionBytes }: Query): boolean {
  if (message.length < 12 || message.readUInt16BE(0) !== id || (message.readUInt16BE(2) & 0x8000) === 0) return false;
  const question = message.subarray(12, 12 + questionBytes.length);
  return message.readUInt16BE(4) === 1 && question.equals(questionBytes);
}

/** The answer under the asker's id. Undefined: none came, or the server could not be reached. */
export function askUdp(query: Query, { address, port }: Upstream, signal: AbortSignal): Promise<Buffer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  const id = randomInt(0x1_0000);
  const giveUp = () => resolve(undefined);
  socket.on("error", giveUp);
  socket.on("message", (message) => {
    if (answers(message, id, query)) resolve(withId(message, query.id));
  });
  // Connected, so that the kernel drops what others send.
  socket.on("connect", () => socket.send(withId(query.bytes, id), (error) => error && giveUp()));
  signal.addEventListener("abort", giveUp, { once: true });
  socket.connect(port, address);
  return promise.finally(() => {
    signal.removeEventListener("abort", giveUp);
    socket.close();
  });
}

/** As `askUdp`, over TCP. */
export function askTcp(query: Query, { address, port }: Upstream, signal: AbortSignal): Promise<Buffer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const id = randomInt(0x1_0000);
  const socket = connect({ host: address, port, signal });
  let came = Buffer.alloc(0);
  socket.on("error", () => resolve(undefined));
  socket.on("close", () => resolve(undefined));
  socket.on("data", (chunk) => {
    came = Buffer.concat([came, chunk]);
    const message = came.subarray(2, came.length < 2 ? 2 : 2 + came.readUInt16BE(0));
    if (came.length < 2 || message.length < came.readUInt16BE(0)) return;
    resolve(answers(message, id, query) ? withId(message, query.id) : undefined);
  });
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.bytes.length);
  socket.write(Buffer.concat([length, withId(query.bytes, id)]));
  return promise.finally(() => socket.destroy());
}
