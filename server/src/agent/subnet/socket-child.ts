// Makes sockets in the network namespace that it was started in, hands them to its parent, and ends. A socket stays in its namespace wherever it is served.
// A program of its own: it imports nothing of ours, so that it starts quickly.
import { createSocket } from "node:dgram";
import { writeFileSync } from "node:fs";
import { createServer, isIPv6 } from "node:net";

type Kind = "udp" | "tcp";

/** What this namespace passes on to nobody: guests must not reach others through it. */
function forwardNothing(): void {
  writeFileSync("/proc/sys/net/ipv4/ip_forward", "0");
  writeFileSync("/proc/sys/net/ipv6/conf/all/forwarding", "0");
}

async function openUdp(address: string, port: number) {
  const six = isIPv6(address);
  const socket = createSocket({ type: six ? "udp6" : "udp4", ipv6Only: six });
  const bound = Promise.withResolvers<void>();
  socket.once("error", bound.reject);
  socket.bind({ address, port, exclusive: true }, bound.resolve);
  await bound.promise;
  return socket;
}

async function openTcp(address: string, port: number) {
  const server = createServer();
  const bound = Promise.withResolvers<void>();
  server.once("error", bound.reject);
  server.listen({ host: address, port, ipv6Only: isIPv6(address), backlog: 256 }, bound.resolve);
  await bound.promise;
  return server;
}

async function main(): Promise<void> {
  forwardNothing();
  for (const [index, word] of process.argv.slice(2).entries()) {
    const [kind = "", address = "", port = ""] = word.split("|");
    const handle = await ((kind satisfies string as Kind) === "udp" ? openUdp : openTcp)(address, Number(port));
    await new Promise<void>((sent, fail) => {
      process.send?.({ index }, handle, {}, (error: Error | null) => (error === null ? sent() : fail(error)));
    });
  }
  process.disconnect();
}

await main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
