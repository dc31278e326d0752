// gRPC's server side over HTTP/2 for calls with one request (github.com/grpc/grpc: doc/PROTOCOL-HTTP2.md). It knows no message.
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Identity } from "./certificate.ts";
import { GrpcError, type Method, type Methods, status } from "./method.ts";

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

function trailersOnly(stream: ServerHttp2Stream, error: unknown): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond({ ":status": 200, "content-type": "application/grpc", ...failure(error) }, { endStream: true });
}

function frameOf(body: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(5 + body.length);
  frame[0] = 0;
  frame.writeUInt32BE(body.length, 1);
  frame.set(body, 5);
  return frame;
}

/** Begins an answer; `trailers` is asked when all of it has been sent. */
function begin(stream: ServerHttp2Stream, trailers: () => OutgoingHttpHeaders): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers(trailers()));
}

function answer(stream: ServerHttp2Stream, body: Uint8Array): void {
  if (stream.destroyed) return;
  begin(stream, () => ({ "grpc-status": status.ok }));
  stream.end(frameOf(body));
}

const isStream = (answered: Uint8Array | AsyncIterable<Uint8Array>): answered is AsyncIterable<Uint8Array> =>
  Symbol.asyncIterator in answered;

/** Sends no more than the caller takes; a failure in the middle is told after what was sent. */
async function answerStream(
  stream: ServerHttp2Stream,
  bodies: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  let trailers: OutgoingHttpHeaders = { "grpc-status": status.ok };
  if (stream.destroyed) return;
  begin(stream, () => trailers);
  try {
    for await (const body of bodies) {
      if (signal.aborted) return;
      if (!stream.write(frameOf(body))) await once(stream, "drain", { signal });
    }
  } catch (error) {
    trailers = failure(error);
  }
  if (!stream.destroyed) stream.end();
}

function failure(error: unknown): OutgoingHttpHeaders {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof GrpcError ? error.code : status.internal;
  return { "grpc-status": code, "grpc-message": encodeMessage(message) };
}

/** Everything that comes. An iterator would cost as much as all the rest of a call. */
function readAll(stream: ServerHttp2Stream): Promise<readonly Buffer[]> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let whole = false;
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.once("end", () => {
      whole = true;
      resolve(chunks);
    });
    // Every stream closes once: an error that nobody sees has a stack all the same.
    stream.once("close", () => {
      if (!whole) reject(new GrpcError(status.cancelled, "the caller went away"));
    });
  });
}

async function readFrame(stream: ServerHttp2Stream): Promise<Buffer> {
  const chunks = await readAll(stream);
  const bytes = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
  if (bytes.length < 5 || bytes.readUInt32BE(1) !== bytes.length - 5)
    throw new GrpcError(status.invalidArgument, "a request is exactly one message");
  if (bytes[0] !== 0) throw new GrpcError(status.unimplemented, "compressed messages are not supported");
  return bytes.subarray(5);
}

async function serveCall(method: Method, stream: ServerHttp2Stream): Promise<void> {
  const gone = new AbortController();
  let answered = false;
  // Aborting costs a stack trace: only who gives up before the whole answer is worth it.
  stream.once("close", () => {
    if (!answered) gone.abort();
  });
  try {
    const given = await method(await readFrame(stream), gone.signal);
    answered = !isStream(given);
    if (isStream(given)) await answerStream(stream, given, gone.signal);
    else answer(stream, given);
    answered = true;
  } catch (error) {
    answered = true;
    trailersOnly(stream, error);
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
  if (method === undefined) trailersOnly(stream, new GrpcError(status.unimplemented, `no method ${path}`));
  else void serveCall(method, stream);
}

/** Whether the caller has proved to hold the key of exactly this certificate (DER): TLS has checked the proof, whoever signed it. */
function holds({ socket }: ServerHttp2Session, certificate: Buffer): boolean {
  return isSecure(socket) && socket.getPeerX509Certificate()?.raw.equals(certificate) === true;
}

/** A session hands out a proxy, of which `in` and `instanceof` know nothing. */
const isSecure = (socket: Socket | TLSSocket): socket is TLSSocket => Reflect.get(socket, "encrypted") === true;

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
          // None at all: with any, Node first reads its own list of authorities, which costs as much as the rest of the start.
          ca: [],
          requestCert: true,
          rejectUnauthorized: false,
          minVersion: "TLSv1.2",
        });
  const trusted = mutual && new X509Certificate(mutual.client).raw;
  server.on("session", (session) => {
    session.on("error", () => {});
    if (trusted === undefined || holds(session, trusted)) session.setLocalWindowSize(windowBytes);
    else session.destroy();
  });
  server.on("stream", (stream, headers) => onStream(methods, stream, headers));
  return server;
}
