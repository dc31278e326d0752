// Where servers are, as OVN writes it, and how a stream to one is opened.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { OvsdbError, type TlsFiles } from "./database.ts";
import { handshakeFault, startTls } from "./tls.ts";

export type Remote =
  | { readonly type: "unix"; readonly path: string }
  | { readonly type: "tcp" | "ssl"; readonly host: string; readonly port: number };

/** Long enough for a far server under load, short enough to go on to the next member of a cluster. */
const connectTimeoutMs = 5_000;

/**
 * Reads "unix:/run/ovn/ovnnb_db.sock" or "tcp:10.0.0.1:6641,ssl:[fd00::1]:6641".
 *
 * @throws OvsdbError "refused" if it is not written so, or if certificates are needed and not given.
 */
export function parseRemotes(text: string, tls?: TlsFiles): readonly Remote[] {
  const remotes = text.split(",").map((part) => parseRemote(part.trim()));
  const secure = remotes.find(({ type }) => type === "ssl");
  if (secure === undefined || tls !== undefined) return remotes;
  throw new OvsdbError("refused", `${nameOf(secure)} needs a key, a certificate and a CA's certificate`);
}

function parseRemote(text: string): Remote {
  const unix = /^unix:(?<path>.+)$/.exec(text);
  if (unix?.groups?.path !== undefined) return { type: "unix", path: unix.groups.path };
  const { protocol, bracketed, plain, port } =
    /^(?<protocol>tcp|ssl):(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:[\]]+)):(?<port>\d{1,5})$/.exec(text)?.groups ?? {};
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535)
    throw new OvsdbError(
      "refused",
      `${JSON.stringify(text)} is not an OVSDB server: write unix:/path, tcp:10.0.0.1:6641 or ssl:[fd00::1]:6641`,
    );
  return { type: protocol === "ssl" ? "ssl" : "tcp", host, port: Number(port) };
}

export function nameOf(remote: Remote): string {
  if (remote.type === "unix") return `unix:${remote.path}`;
  const host = remote.host.includes(":") ? `[${remote.host}]` : remote.host;
  return `${remote.type}:${host}:${remote.port}`;
}

/** Opens a stream. Fails if it can't be done within five seconds. */
export async function openStream(remote: Remote, tls: TlsFiles | undefined, signal: AbortSignal): Promise<Socket> {
  const socket = await startStream(remote, tls);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(connectTimeoutMs)]);
  try {
    await once(socket, remote.type === "ssl" ? "secureConnect" : "connect", { signal: limit });
  } catch (cause) {
    socket.on("error", () => undefined);
    socket.destroy();
    const fault = remote.type === "ssl" ? handshakeFault(cause) : undefined;
    throw new Error(fault ?? reasonOf(cause, limit), { cause });
  }
  return socket;
}

async function startStream(remote: Remote, tls: TlsFiles | undefined): Promise<Socket> {
  if (remote.type === "unix") return connect({ path: remote.path });
  const { host, port } = remote;
  if (remote.type === "tcp") return connect({ host, port, noDelay: true });
  if (tls === undefined) throw new Error("no key and certificate are given");
  return startTls({ host, port }, tls);
}

function reasonOf(cause: unknown, limit: AbortSignal): string {
  if (limit.aborted) return limit.reason?.name === "TimeoutError" ? "no answer within 5 s" : "aborted";
  return cause instanceof Error ? cause.message : String(cause);
}
