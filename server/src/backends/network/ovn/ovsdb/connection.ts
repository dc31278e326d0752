// JSON-RPC 1.0 over one stream (RFC 7047, section 4): calls and their answers, the server's updates, and echo both ways.
import type { Socket } from "node:net";
import { isObject, type Json, type JsonObject, listOf, textOf } from "./json.ts";
import { JsonSplitter } from "./splitter.ts";

/** How long the server may be silent before it is asked for a sign of life: what ovsdb-server itself uses. */
const defaultProbeMs = 5_000;
/** How many times in a row it may miss it: a server that commits ten thousand rows says nothing for a second or two. */
const probes = 3;

/** The server's answer to a call was an error. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  /** "unknown database", "canceled". */
  readonly error: string;
  constructor(error: string, details: string) {
    super(details === "" ? error : `${error}: ${details}`);
    this.error = error;
  }
}

interface Call {
  readonly resolve: (result: Json) => void;
  readonly reject: (err: Error) => void;
}

export interface ConnectionHandlers {
  onUpdate(method: string, params: readonly Json[]): void;
  /** Called once, after every open call has failed. */
  onClosed(cause: Error): void;
}

export class Connection {
  readonly #socket: Socket;
  readonly #handlers: ConnectionHandlers;
  readonly #splitter = new JsonSplitter();
  readonly #calls = new Map<number, Call>();
  readonly #probe: NodeJS.Timeout;
  readonly #probeMs: number;
  #lastId = 0;
  #silent = 0;
  #closed: Error | undefined;

  constructor(socket: Socket, handlers: ConnectionHandlers, probeMs = defaultProbeMs) {
    this.#socket = socket;
    this.#probeMs = probeMs;
    this.#handlers = handlers;
    socket.on("data", (piece) => this.#read(piece));
    socket.on("error", (err) => this.close(err));
    socket.on("close", () => this.close(new Error("the server closed the connection")));
    this.#probe = setInterval(() => this.#tick(), probeMs);
    this.#probe.unref();
  }

  /** Bytes that wait to be taken by the system: the server reads more slowly than we write. */
  get backlog(): number {
    return this.#socket.writableLength;
  }

  /** @param take gets the result before any later message is read: an update may follow a snapshot in the same piece. */
  call(method: string, params: readonly Json[], take: (result: Json) => void = () => undefined): Promise<Json> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<Json>();
    const taken = (result: Json) => {
      take(result);
      resolve(result);
    };
    this.#calls.set(id, { resolve: taken, reject });
    this.#send({ id, method, params });
    return promise;
  }

  close(cause: Error): void {
    if (this.#closed !== undefined) return;
    this.#closed = cause;
    clearInterval(this.#probe);
    this.#socket.destroy();
    for (const call of this.#calls.values()) call.reject(cause);
    this.#calls.clear();
    this.#handlers.onClosed(cause);
  }

  #send(message: JsonObject): void {
    this.#socket.write(JSON.stringify(message));
  }

  #read(piece: Buffer): void {
    this.#silent = 0;
    try {
      for (const message of this.#splitter.push(piece)) if (this.#closed === undefined) this.#take(message);
    } catch (cause) {
      this.close(new Error("the server's message could not be read", { cause }));
    }
  }

  #take(message: Json): void {
    if (!isObject(message)) throw new Error("not a JSON-RPC message");
    const method = textOf(message.method);
    if (method === "echo") this.#send({ id: message.id ?? null, result: message.params ?? [], error: null });
    else if (method !== "") this.#handlers.onUpdate(method, listOf(message.params));
    else this.#answer(message);
  }

  #answer({ id, error, result }: JsonObject): void {
    const call = typeof id === "number" ? this.#calls.get(id) : undefined;
    if (call === undefined || typeof id !== "number") return;
    if (error === null || error === undefined) call.resolve(result ?? null);
    else
      call.reject(
        isObject(error)
          ? new RpcError(textOf(error.error), textOf(error.details))
          : new RpcError(JSON.stringify(error), ""),
      );
    this.#calls.delete(id);
  }

  /** Counts ticks and not time: a process that slept hears what came in the meantime before it gives up. */
  #tick(): void {
    this.#silent++;
    if (this.#silent > probes)
      this.close(new Error(`the server said nothing for ${(probes * this.#probeMs) / 1000} s`));
    else if (this.#silent > 1) this.call("echo", []).catch(() => undefined);
  }
}
