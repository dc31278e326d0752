// What runs inside a guest: takes orders over IPC, and answers each with its number. Imports nothing of ours, so that it starts fast.
import { createSocket, type Socket } from "node:dgram";
import { createConnection, createServer, type Server } from "node:net";

export type Order =
  | { readonly do: "serveTcp"; readonly port: number; readonly greeting: string }
  | { readonly do: "serveUdp"; readonly port: number }
  | { readonly do: "stop"; readonly service: number }
  | { readonly do: "connect"; readonly address: string; readonly port: number; readonly withinMs: number }
  | {
      readonly do: "echo";
      readonly address: string;
      readonly port: number;
      readonly fromPort: number;
      readonly bytes: number;
      readonly withinMs: number;
    };

/** "result": a service's number, a greeting, whether an echo came. */
export interface Answer {
  readonly number: number;
  readonly result?: number | string | boolean;
  readonly error?: string;
}

const services = new Map<number, Server | Socket>();
let lastService = 0;

function keep(service: Server | Socket): number {
  lastService += 1;
  services.set(lastService, service);
  return lastService;
}

function serveTcp(port: number, greeting: string): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.write(greeting.replace("{source}", socket.remoteAddress?.replace(/^::ffff:/, "") ?? ""));
    socket.pipe(socket);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: "::" }, () => resolve(keep(server)));
  });
}

function serveUdp(port: number): Promise<number> {
  const socket = createSocket({ type: "udp6" });
  socket.on("message", (bytes, from) => socket.send(bytes, from.port, from.address));
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, () => resolve(keep(socket)));
  });
}

async function stop(number: number): Promise<boolean> {
  const service = services.get(number);
  services.delete(number);
  await new Promise<void>((done) => (service === undefined ? done() : service.close(() => done())));
  return true;
}

/** The first bytes that a server says. */
function connect(address: string, port: number, withinMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: address, port, timeout: withinMs });
    const done = (greeting?: string) => {
      socket.destroy();
      resolve(greeting);
    };
    socket.once("data", (bytes) => done(bytes.toString()));
    for (const event of ["error", "timeout", "end"]) socket.once(event, () => done());
    setTimeout(done, withinMs).unref();
  });
}

function echo({ address, port, fromPort, bytes, withinMs }: Extract<Order, { do: "echo" }>): Promise<boolean> {
  const socket = createSocket({ type: address.includes(":") ? "udp6" : "udp4", reuseAddr: true });
  return new Promise((resolve, reject) => {
    const done = (came: boolean) => {
      clearTimeout(timer);
      socket.close(() => resolve(came));
    };
    const timer = setTimeout(() => done(false), withinMs);
    socket.once("message", () => done(true));
    socket.once("error", reject);
    socket.bind(fromPort, () => socket.send(Buffer.alloc(bytes, "x"), port, address, (error) => error && done(false)));
  });
}

async function obey(order: Order): Promise<Answer["result"]> {
  switch (order.do) {
    case "serveTcp":
      return serveTcp(order.port, order.greeting);
    case "serveUdp":
      return serveUdp(order.port);
    case "stop":
      return stop(order.service);
    case "connect":
      return connect(order.address, order.port, order.withinMs);
    case "echo":
      return echo(order);
  }
}

process.on("message", ({ number, order }: { readonly number: number; readonly order: Order }) => {
  const answer = (more: Omit<Answer, "number">) => process.send?.({ number, ...more });
  obey(order).then(
    (result) => answer(result === undefined ? {} : { result }),
    (error: unknown) => answer({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit());
