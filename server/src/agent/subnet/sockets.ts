// Sockets inside a network namespace, served from here. A process is in one namespace; a socket keeps the one that it was made in, so that a
// child makes it there and hands it over.
import { spawn } from "node:child_process";
import { Socket as UdpSocket } from "node:dgram";
import { Server } from "node:net";
import { fileURLToPath } from "node:url";
import { systemEnv } from "../../backends/linux/command.ts";
import { inside } from "../../backends/linux/namespaces.ts";

/** What to listen on; link-local addresses with their device: "fe80::a9fe:a9fe%eth0". */
export interface WantedSocket {
  readonly kind: "udp" | "tcp";
  readonly address: string;
  readonly port: number;
}

const program = fileURLToPath(new URL("socket-child.ts", import.meta.url));
/** A child needs a tenth of a second; on a machine that is busy, many times that. Milliseconds. */
const patienceMs = 20_000;

/** Makes sockets in a namespace: UDP bound, TCP listening, in the order asked for. @throws Error with what the child complained of */
export async function openSockets(
  namespace: string,
  wanted: readonly WantedSocket[],
): Promise<readonly (UdpSocket | Server)[]> {
  const words = wanted.map(({ kind, address, port }) => `${kind}|${address}|${port}`);
  const [command = "", ...args] = inside(namespace, process.execPath, program, ...words);
  const env = systemEnv({ NODE_OPTIONS: "" });
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe", "ipc"], env, timeout: patienceMs });
  const sockets: (UdpSocket | Server)[] = [];
  const complaints: Buffer[] = [];
  child.stderr?.on("data", (bytes: Buffer) => complaints.push(bytes));
  child.on("message", (_, handle) => {
    if (handle instanceof UdpSocket || handle instanceof Server) sockets.push(handle);
  });
  const ended = Promise.withResolvers<void>();
  child.once("error", ended.reject);
  child.once("close", () => ended.resolve());
  await ended.promise;
  if (sockets.length === wanted.length) return sockets;
  for (const socket of sockets) socket.close();
  throw new Error(`no sockets in ${namespace}: ${Buffer.concat(complaints).toString().trim()}`);
}
