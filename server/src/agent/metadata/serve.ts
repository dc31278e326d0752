// Serves the metadata of one subnet over HTTP on sockets that are there already. A guest that sends slowly, much or nothing is hung up on.
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { Server as SocketServer } from "node:net";
import { handleMetadata, type MetadataParts } from "./handler.ts";

/** Milliseconds: guests are next door. */
const timeouts = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
};
/** Connections at a time of all guests of the subnet and of one, requests on one, and bytes of the headers. */
const mostConnections = 512;
const mostOfOne = 32;
const mostRequests = 100;
const maxHeaderSize = 8_192;

/** Makes the HTTP server; it listens nowhere yet. */
export function metadataServer(parts: MetadataParts, patience: Partial<typeof timeouts> = {}): Server {
  const server = createServer({ ...timeouts, ...patience, maxHeaderSize }, (request, response) => {
    // A body says nothing to us: the connection ends rather than read it.
    if (hasBody(request.headers)) response.shouldKeepAlive = false;
    void handleMetadata(request, response, parts);
  });
  // A guest's nc says that it has nothing more to send, and waits for the answer all the same.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.maxConnections = mostConnections;
  server.maxRequestsPerSocket = mostRequests;
  limitEach(server);
  return server;
}

function hasBody(headers: IncomingHttpHeaders): boolean {
  return (headers["content-length"] ?? "0") !== "0" || headers["transfer-encoding"] !== undefined;
}

function limitEach(server: Server): void {
  const open = new Map<string, number>();
  server.on("connection", (socket) => {
    const { remoteAddress = "" } = socket;
    const own = (open.get(remoteAddress) ?? 0) + 1;
    open.set(remoteAddress, own);
    socket.on("close", () => {
      const left = (open.get(remoteAddress) ?? 1) - 1;
      if (left === 0) open.delete(remoteAddress);
      else open.set(remoteAddress, left);
    });
    if (own > mostOfOne) socket.destroy();
  });
}

/** Has the server answer on a socket that listens already. */
export function listenOn(server: Server, socket: SocketServer): Promise<void> {
  return new Promise((done, fail) => {
    server.once("error", fail);
    server.listen(socket, () => {
      server.off("error", fail);
      // A connection that could not be taken: the next one may be.
      server.on("error", () => undefined);
      done();
    });
  });
}
