import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { type Answerer, serveTcp, serveUdp } from "./serve.ts";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

const framed = (text: string) => Buffer.concat([Buffer.from([text.length >> 8, text.length & 255]), Buffer.from(text)]);
const echo: Answerer = async (bytes) => Buffer.from(`re:${bytes}`);

async function tcp(answer: Answerer): Promise<() => Socket> {
  const server: Server = createServer();
  ends.push(serveTcp(server, answer), () => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return () => {
    const socket = connect(typeof address === "object" && address !== null ? address.port : 0, "127.0.0.1");
    socket.on("error", () => undefined);
    ends.push(() => void socket.destroy());
    return socket;
  };
}

/** What came until the other side hangs up, or `bytes` are there. */
function heard(socket: Socket, bytes: number): Promise<string> {
  let came = "";
  return new Promise((done) => {
    socket.on("data", (chunk) => {
      came += String(chunk);
      if (came.length >= bytes) done(came);
    });
    socket.on("close", () => done(came));
  });
}

test("several questions on one connection are answered, however they are cut", async () => {
  const socket = (await tcp(echo))();
  const all = Buffer.concat([framed("one"), framed("two"), framed("three")]);
  for (const byte of all) socket.write(Buffer.from([byte]));
  const expected = ["re:one", "re:two", "re:three"].map((text) => String(framed(text))).join("");
  expect(await heard(socket, expected.length)).toBe(expected);
});

test("answers that take their time hold up no others, and many questions are all answered", async () => {
  const slow: Answerer = async (bytes) => {
    if (String(bytes) === "slow") await new Promise((done) => setTimeout(done, 100));
    return bytes;
  };
  const socket = (await tcp(slow))();
  const many = Array.from({ length: 100 }, (_, i) => `q${i}`);
  socket.write(Buffer.concat(["slow", ...many].map(framed)));
  const length = ["slow", ...many].reduce((sum, text) => sum + text.length + 2, 0);
  const came = await heard(socket, length);
  expect(came.indexOf("q0")).toBeLessThan(came.indexOf("slow"));
  expect(came).toHaveLength(length);
});

test.each([
  ["a question that is too long", Buffer.from([0xff, 0xff, 1])],
  ["a question that deserves no answer", framed("nothing")],
])("%s ends the connection", async (_, bytes) => {
  const socket = (await tcp(async () => undefined))();
  socket.write(bytes);
  expect(await heard(socket, 1)).toBe("");
});

test("one guest has so many connections and no more, until some of them end", async () => {
  const open = await tcp(echo);
  const sockets = Array.from({ length: 16 }, open);
  for (const socket of sockets) {
    socket.write(framed("hi"));
    expect(await heard(socket, 7)).toContain("re:hi");
  }
  const refused = open();
  refused.write(framed("hi"));
  expect(await heard(refused, 7)).toBe("");
  sockets[0]?.destroy();
  await once(sockets[0] ?? refused, "close");
  const again = open();
  again.write(framed("hi"));
  expect(await heard(again, 7)).toContain("re:hi");
});

test("a guest that reads nothing of what it asks for is hung up on", async () => {
  const socket = (await tcp(async () => Buffer.alloc(60_000)))();
  socket.pause();
  const ask = setInterval(() => socket.write(framed("more").toString("latin1").repeat(100)), 1);
  ends.push(() => clearInterval(ask));
  await new Promise((done) => socket.on("close", done));
});

test("datagrams are answered, or not", async () => {
  const server: UdpSocket = createSocket("udp4");
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  serveUdp(server, async (bytes) => (bytes.length > 2 ? Buffer.from(`re:${bytes}`) : undefined));
  const client = createSocket("udp4");
  ends.push(
    () => server.close(),
    () => client.close(),
  );
  client.send("no", server.address().port, "127.0.0.1");
  client.send("yes", server.address().port, "127.0.0.1");
  const [message] = await once(client, "message");
  expect(String(message)).toBe("re:yes");
});
