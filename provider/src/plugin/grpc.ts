// gRPC's server side over HTTP/2 for unary calls (github.com/grpc/grpc: doc/PROTOCOL-HTTP2.md). It knows no message.
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { Identity } from "./certificate.ts";

/** Answers one call; the signal fires when the caller gives up. */
export type UnaryMethod = (request: Buffer, signal: AbortSignal) => Promise<Uint8Array>;
/** By path: "/tfplugin6.Provider/ReadResource". */
export interface Methods {
  get(path: string): UnaryMethod | undefined;
}

export const status = { ok: 0, cancelled: 1, unknown: 2, invalidArgument: 3, unimplemented: 12, internal: 13 } as const;

/** A failure with its gRPC status. */
export class GrpcError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Who may connect: with TLS, whoever holds the key of exactly this certificate. */
export interface Mutual {
  readonly own: Identity;
  /** PEM */
  readonly client: string;
}

/** Large enough that a state of many megabytes does not wait for window updates. */
const windowBytes = 8 * 1024 * 1024;
/** Node's limit for a session is in megabytes; Terraform sends ten states at a time. */
const sessionMegabytes = 1024;

const encodeMessage = (text: string) =>
  text.replace(/[^\x20-\x24\x26-\x7e]/gu, (character) => encodeURIComponent(character));

function trailersOnly(stream: ServerHttp2Stream, code: number, message: string): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond(
    { ":status": 200, "content-type": "application/grpc", "grpc-status": code, "grpc-message": encodeMessage(message) },
    { endStream: true },
  );
}

function answer(stream: ServerHttp2Stream, body: Uint8Array): void {
  if (stream.destroyed) return;
  const frame = Buffer.allocUnsafe(5 + body.length);
  frame[0] = 0;
  frame.writeUInt32BE(body.length, 1);
  frame.set(body, 5);
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.once("wantTrailers", () => {
    stream.sendTrailers({ "grpc-status": status.ok });
  });
  stream.end(frame);
}

async function readFrame(stream: ServerHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  const bytes = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
  if (bytes.length < 5 || bytes.readUInt32BE(1) !== bytes.length - 5)
    throw new GrpcError(status.invalidArgument, "a unary call has exactly one message");
  if (bytes[0] !== 0) throw new GrpcError(status.unimplemented, "compressed messages are not supported");
  return bytes.subarray(5);
}

async function serveCall(method: UnaryMethod, stream: ServerHttp2Stream): Promise<void> {
  const gone = new AbortController();
  // Aborting costs a stack trace: only who gives up before the answer is worth it.
  stream.once("close", () => {
    if (!stream.headersSent) gone.abort();
  });
  try {
    answer(stream, await method(await readFrame(stream), gone.signal));
  } catch (error) {
    const code = error instanceof GrpcError ? error.code : status.internal;
    trailersOnly(stream, code, error instanceof Error ? error.message : String(error));
  }
}

function onStream(methods: Methods, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  // A broken connection ends the call; there is nobody left to tell.
  stream.on("error", () => {});
  if (!headers["content-type"]?.startsWith("application/grpc")) {
    stream.respond({ ":status": 415 }, { endStream: true });
    return;
  }
  const path = headers[":path"] ?? "";
  const method = methods.get(path);
  if (method === undefined) trailersOnly(stream, status.unimplemented, `no method ${path}`);
  else void serveCall(method, stream);
}

/** Makes a server that is not listening yet; without `mutual` it speaks plain HTTP/2. */
export function grpcServer(methods: Methods, mutual: Mutual | undefined): Http2Server | Http2SecureServer {
  const settings = { settings: { initialWindowSize: windowBytes }, maxSessionMemory: sessionMegabytes };
  const server =
    mutual === undefined
      ? createServer(settings)
      : createSecureServer({
          ...settings,
          key: mutual.own.key,
          cert: mutual.own.certificate,
          ca: mutual.client,
          requestCert: true,
          rejectUnauthorized: true,
          minVersion: "TLSv1.2",
        });
  server.on("session", (session) => {
    session.setLocalWindowSize(windowBytes);
    session.on("error", () => {});
  });
  server.on("stream", (stream, headers) => onStream(methods, stream, headers));
  return server;
}
