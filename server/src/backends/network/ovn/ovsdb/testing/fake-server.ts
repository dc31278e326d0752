// An OVSDB server that does as it is told, over a unix socket: for what a real one does not do on demand.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isObject, type Json, type JsonObject, listOf, textOf } from "../json.ts";
import { JsonSplitter } from "../splitter.ts";

export interface Request {
  readonly id: Json;
  readonly method: string;
  readonly params: readonly Json[];
}

/** What the server answers to a method: the result, "drop" to hang up, "ignore" to say nothing. */
export type Answer = (params: readonly Json[]) => Json;

const schema = {
  version: "1.0.0",
  tables: {
    Port: {
      columns: {
        name: { type: "string", mutable: false },
        tag: { type: "integer" },
        options: { type: { key: "string", value: "string", min: 0, max: "unlimited" } },
      },
    },
  },
};

export class FakeServer {
  readonly #dir = mkdtempSync(join(tmpdir(), "fo-"));
  readonly #server = createServer((socket) => this.#serve(socket));
  readonly #sockets = new Set<Socket>();
  readonly #heard = new Set<() => void>();
  /** All that came, in order; echoes' answers too, as method "answer". */
  readonly requests: Request[] = [];
  /** The state of `_Server`'s row. */
  leader = true;
  /** Answers by method; what is not here is answered as a server with an empty database does. */
  readonly answers: Record<string, Answer> = {};

  get remote(): string {
    return `unix:${this.#dir}/s`;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  async start(): Promise<this> {
    this.#server.listen(`${this.#dir}/s`);
    await once(this.#server, "listening");
    return this;
  }

  async stop(): Promise<void> {
    this.drop();
    this.#server.close();
    await once(this.#server, "close");
    rmSync(this.#dir, { recursive: true });
  }

  /** Hangs up on everybody. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Sends bytes to everybody. */
  say(text: string): void {
    for (const socket of this.#sockets) socket.write(text);
  }

  tell(method: string, params: readonly Json[], id: Json = null): void {
    this.say(JSON.stringify({ id, method, params }));
  }

  /** Resolves when `count` requests of a method have come, with the last of them. */
  async heard(method: string, count = 1): Promise<Request> {
    for (;;) {
      const found = this.requests.filter((request) => request.method === method)[count - 1];
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#heard.add(resolve));
    }
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    const splitter = new JsonSplitter();
    socket.on("data", (piece) => {
      for (const message of splitter.push(piece)) if (isObject(message)) this.#take(socket, message);
    });
    socket.on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #take(socket: Socket, message: JsonObject): void {
    const request = {
      id: message.id ?? null,
      method: textOf(message.method) || "answer",
      params: listOf(message.params),
    };
    this.requests.push(request);
    for (const wake of this.#heard) wake();
    this.#heard.clear();
    if (request.method === "answer") return;
    const result = (this.answers[request.method] ?? ((params) => this.#usual(request.method, params)))(request.params);
    if (result === "drop") socket.destroy();
    else if (result !== "ignore") socket.write(JSON.stringify({ id: request.id, result, error: null }));
  }

  #usual(method: string, params: readonly Json[]): Json {
    switch (method) {
      case "monitor_cond": {
        const row = { name: "Test", connected: true, leader: this.leader };
        return { Database: { d: { initial: row } } };
      }
      case "get_schema":
        return schema;
      case "monitor_cond_since":
        return [false, "00000000-0000-0000-0000-000000000001", {}];
      case "transact":
        return params.slice(1).map(() => ({ count: 1 }));
      default:
        return params;
    }
  }
}
