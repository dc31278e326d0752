// The line to a host, which a test can cut, and hold in the middle of what goes through it.
import { connect, createServer, type Server, type Socket } from "node:net";
import { until } from "./agents.ts";

export class Line {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #target: number;
  #isCut = false;
  #hold: { left: number; readonly released: Promise<void>; release(): void } | undefined;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((socket) => this.#carry(socket));
  }

  /** A line to a port of this machine. */
  static async open(target: number): Promise<Line> {
    const line = new Line(target);
    await new Promise<void>((resolve) => line.#server.listen(0, "127.0.0.1", resolve));
    return line;
  }

  /** Where whoever calls the host finds it. */
  get address(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the line is closed");
    return `127.0.0.1:${address.port}`;
  }

  /** Nothing goes through it any more, until `mend`. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Everything goes through it again. */
  mend(): void {
    this.#isCut = false;
    this.#hold?.release();
    this.#hold = undefined;
  }

  /** Holds what goes to the host after so many bytes more, until `mend`. Answers how to wait for them. */
  holdAfter(bytes: number): () => Promise<void> {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const hold = { left: bytes, released, release };
    this.#hold = hold;
    return () => until(`${bytes} bytes went to the host`, async () => hold.left <= 0);
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #carry(caller: Socket): void {
    if (this.#isCut) return void caller.destroy();
    const host = connect(this.#target, "127.0.0.1");
    for (const [socket, other] of [
      [caller, host],
      [host, caller],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    host.pipe(caller);
    void this.#pass(caller, host).catch(() => {});
  }

  async #pass(caller: Socket, host: Socket): Promise<void> {
    for await (const chunk of caller) {
      await this.#held(chunk.length);
      if (!host.write(chunk)) await drained(host);
    }
    host.end();
  }

  async #held(bytes: number): Promise<void> {
    const hold = this.#hold;
    if (hold === undefined) return;
    hold.left -= bytes;
    if (hold.left > 0) return;
    await hold.released;
  }
}

/** Or closed. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.on("drain", done).on("close", done);
  });
}
