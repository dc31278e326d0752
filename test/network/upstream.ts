// A name server on loopback that knows one answer: 192.0.2.7 to every A question, over UDP and TCP.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { decode, encode } from "dns-packet";

export interface Upstream {
  readonly address: string;
  /** The names that it was asked for. */
  readonly asked: readonly string[];
  stop(): void;
}

function answerTo(query: Buffer, asked: string[]): Buffer {
  const { id, questions = [] } = decode(query);
  const [{ name, type } = { name: "", type: "A" }] = questions;
  asked.push(name);
  const answers = type === "A" ? [{ type, name, ttl: 60, data: "192.0.2.7" } as const] : [];
  return encode({ type: "response", ...(id !== undefined && { id }), flags: 0x180, questions, answers });
}

export async function startUpstream(): Promise<Upstream> {
  const asked: string[] = [];
  const tcp = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("data", (query) => {
      const answer = answerTo(query.subarray(2), asked);
      socket.write(Buffer.concat([Buffer.from([answer.length >> 8, answer.length & 255]), answer]));
    });
  });
  tcp.listen(0, "127.0.0.1");
  await once(tcp, "listening");
  const address = tcp.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const udp = createSocket("udp4");
  udp.on("message", (query, from) => udp.send(answerTo(query, asked), from.port, from.address));
  udp.bind(port, "127.0.0.1");
  await once(udp, "listening");
  const stop = () => {
    udp.close();
    tcp.close();
  };
  return { address: `127.0.0.1:${port}`, asked, stop };
}
