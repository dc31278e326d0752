// One port for HTTP/1.1 and HTTP/2: in the clear the first bytes tell (RFC 9113 section 3.4), over TLS the negotiated protocol does (ALPN).
import { createServer as createHttp1, type Server as Http1Server, type RequestListener } from "node:http";
import { createServer as createHttp2, type Http2Server, type ServerHttp2Session } from "node:http2";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTls, type TLSSocket } from "node:tls";
import type { UpgradeHandler } from "./console-socket.ts";
import type { HttpHandler } from "./http.ts";

/** What an HTTP/2 client sends first. */
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
/** A client that opens a connection and says nothing is let go after this. */
const firstBytesMs = 10_000;
const idleMs = 75_000;
/** Bytes of all headers of a request; a token and its friends fit many times. */
const headerBytes = 16 * 1024;
/** Calls that one HTTP/2 connection may have open at a time. */
const streamsEach = 250;
/** Connections that one listener holds; more than the file descriptors that a process usually has. */
const mostConnections = 20_000;

export interface ListenOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** PEM. Undefined: in the clear. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Takes WebSockets, over HTTP/1.1. Undefined: they are not known here. */
  readonly upgrade?: UpgradeHandler;
}

export interface Listener {
  /** "http://127.0.0.1:50080" */
  readonly url: string;
  readonly port: number;
  /** Takes no new connections, lets those that are idle go, and asks the others to finish. */
  stopAccepting(): void;
  /** Closes what is left, at once. */
  close(): Promise<void>;
}

function http1Server(handle: HttpHandler, upgrade: UpgradeHandler | undefined): Http1Server {
  const server = createHttp1({
    headersTimeout: firstBytesMs,
    // An upload may take hours: how long a body may take is for those to say who read it.
    requestTimeout: 0,
    keepAliveTimeout: idleMs,
    maxHeaderSize: headerBytes,
    connectionsCheckingInterval: 5_000,
    // Whoever offers another protocol (h2c) is answered in this one.
    shouldUpgradeCallback: ({ headers }) => upgrade !== undefined && headers.upgrade?.toLowerCase() === "websocket",
  });
  if (upgrade !== undefined) server.on("upgrade", upgrade);
  server.on("request", handle satisfies RequestListener);
  // Connections are handed to it; this starts its watch over slow ones, which else begins when it listens itself.
  server.emit("listening");
  return server;
}

function http2Server(handle: HttpHandler, sessions: Set<ServerHttp2Session>): Http2Server {
  const server = createHttp2({
    settings: { maxConcurrentStreams: streamsEach, maxHeaderListSize: headerBytes },
    maxSessionMemory: 32,
  });
  server.on("request", handle);
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => session.destroy());
  });
  return server;
}

/** Hands a connection in the clear to the server that speaks its protocol. */
function sniff(socket: Socket, http1: Http1Server, http2: Http2Server): void {
  const timer = setTimeout(() => socket.destroy(), firstBytesMs);
  socket.once("close", () => clearTimeout(timer));
  let seen: Buffer = Buffer.alloc(0);
  const look = () => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const length = Math.min(seen.length, preface.length);
    const likeHttp2 = seen.subarray(0, length).equals(preface.subarray(0, length));
    if (likeHttp2 && length < preface.length) return;
    clearTimeout(timer);
    socket.off("readable", look);
    socket.unshift(seen);
    (likeHttp2 ? http2 : http1).emit("connection", socket);
  };
  socket.on("readable", look);
}

function negotiated(socket: TLSSocket, http1: Http1Server, http2: Http2Server): void {
  (socket.alpnProtocol === "h2" ? http2 : http1).emit("connection", socket);
}

function openServer(options: ListenOptions, http1: Http1Server, http2: Http2Server): Server {
  if (options.tls === undefined) return createServer({ noDelay: true, keepAlive: true }, (s) => sniff(s, http1, http2));
  const { cert, key } = options.tls;
  const terms = {
    cert,
    key,
    ALPNProtocols: ["h2", "http/1.1"],
    minVersion: "TLSv1.2",
    handshakeTimeout: firstBytesMs,
  } as const;
  return createTls({ ...terms, noDelay: true, keepAlive: true }, (socket) => negotiated(socket, http1, http2));
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === "string") throw new Error("the server listens on no port");
  return address.port;
}

/** @throws Error if the port can't be opened. */
export async function listen(handle: HttpHandler, options: ListenOptions): Promise<Listener> {
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  const http1 = http1Server(handle, options.upgrade);
  const server = openServer(options, http1, http2Server(handle, sessions));
  server.maxConnections = mostConnections;
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(options.port, options.host, resolve);
  await promise;
  const port = portOf(server);
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    port,
    url: `${options.tls === undefined ? "http" : "https"}://${host}:${port}`,
    stopAccepting() {
      server.close();
      http1.closeIdleConnections();
      for (const session of sessions) session.close();
    },
    async close() {
      const closed = new Promise<void>((done) => server.close(() => done()));
      http1.close();
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
