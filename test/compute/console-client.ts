// A viewer of consoles, as a browser's page would be one.
import { request } from "node:http";
import type { Json } from "../isolation/calls.ts";

const patienceMs = 15_000;

/** One WebSocket, and all that it said. */
export class Viewer {
  readonly socket: WebSocket;
  #said = "";
  readonly #waiting = new Set<() => void>();
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;

  constructor(url: string) {
    this.socket = new WebSocket(url, ["binary"]);
    this.socket.binaryType = "arraybuffer";
    this.socket.addEventListener("message", ({ data }) => this.#hear(Buffer.from(data).toString()));
    this.closed = new Promise((resolve) => {
      this.socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
    });
  }

  type(text: string): void {
    this.socket.send(Buffer.from(text));
  }

  /** Resolves when it has said so. @throws Error with all that it said instead, when it takes too long. */
  async says(words: string | RegExp): Promise<string> {
    const late = Date.now() + patienceMs;
    while (this.#said.search(words) < 0) {
      if (Date.now() > late) throw new Error(`the console said ${JSON.stringify(this.#said)}, not ${words}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      const timer = setTimeout(resolve, 500);
      await promise;
      clearTimeout(timer);
    }
    return this.#said;
  }

  close(): void {
    this.socket.close();
  }

  #hear(text: string): void {
    this.#said += text;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** How an upgrade is answered that becomes no WebSocket; 101: it became one. */
export function upgradeStatus(url: string, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const asking = request(url.replace(/^ws/, "http"), {
    headers: {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      ...headers,
    },
  });
  asking.once("upgrade", (response, socket) => {
    socket.destroy();
    resolve(response.statusCode ?? 0);
  });
  asking.once("response", (response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  });
  asking.once("error", reject);
  asking.end();
  return promise;
}

/** A viewer that hears why it has to go, stays, and goes on typing until it is cut off. */
export function typesOn(url: string, opened: (type: (text: string) => void) => void, late: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const key = { "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" };
  const headers = { connection: "Upgrade", upgrade: "websocket", ...key };
  const asking = request(url.replace(/^ws/, "http"), { headers });
  asking.once("upgrade", (_, socket) => {
    const type = (text: string) => void socket.write(Buffer.concat([frameHead(text.length), Buffer.from(text)]));
    // The server's frames come one by one here: each begins with its opcode (RFC 6455 section 5.2).
    socket.on("data", (data: Buffer) => (data[0] === closeFrame ? type(late) : undefined));
    socket.once("close", () => resolve());
    socket.on("error", () => undefined);
    opened(type);
  });
  asking.once("response", ({ statusCode }) => reject(new Error(`the upgrade was answered ${statusCode}`)));
  asking.once("error", reject);
  asking.end();
  return promise;
}

const closeFrame = 0x88;

/** A binary message of less than 126 bytes, masked with nothing. */
const frameHead = (length: number) => Buffer.from([0x82, 0x80 | length, 0, 0, 0, 0]);

export function textOf(body: Json, field: string): string {
  const value = body[field];
  if (typeof value !== "string") throw new Error(`the answer has no ${field}: ${JSON.stringify(body)}`);
  return value;
}
