// QEMU speaks to unix sockets; a move's streams go on from there.
import { lchownSync, rmSync } from "node:fs";
import { createConnection, createServer, type Server } from "node:net";
import type { Duplex } from "node:stream";

/** The pipes of one move at one of its ends. */
export class Pipes {
  readonly #streams = new Set<Duplex>();
  readonly #doors = new Map<string, Server>();
  readonly #uid: number | undefined;

  /** @param uid the user that the machine's process runs as. */
  constructor(uid: number | undefined) {
    this.#uid = uid;
  }

  /** Waits at a path for one connection of the machine's process, and joins it to a stream. */
  async waitAt(path: string, stream: Duplex): Promise<void> {
    rmSync(path, { force: true });
    this.#keep(stream);
    const door = createServer((socket) => {
      door.close();
      this.#join(socket, stream);
    });
    this.#doors.set(path, door);
    stream.once("close", () => this.#shut(path));
    await new Promise<void>((resolve, reject) => door.once("error", reject).listen(path, resolve));
    // The folder is the machine's user's: what stands there under the name now is not followed.
    if (this.#uid !== undefined) lchownSync(path, this.#uid, this.#uid);
  }

  /** Joins a stream to where the machine's process listens. */
  connect(path: string, stream: Duplex): void {
    this.#keep(stream);
    this.#join(createConnection({ path }), stream);
  }

  /** Breaks all of them. */
  close(): void {
    for (const path of this.#doors.keys()) this.#shut(path);
    for (const stream of this.#streams) stream.destroy();
  }

  /** What one side said last gets to the other, also when it is gone itself by then. */
  #join(one: Duplex, other: Duplex): void {
    this.#keep(one);
    one.pipe(other);
    other.pipe(one);
    one.once("close", () => one.readableEnded || other.destroy());
    other.once("close", () => other.readableEnded || one.destroy());
  }

  #keep(stream: Duplex): void {
    if (this.#streams.has(stream)) return;
    this.#streams.add(stream);
    stream.on("error", () => stream.destroy());
    stream.once("close", () => this.#streams.delete(stream));
  }

  #shut(path: string): void {
    this.#doors.get(path)?.close();
    this.#doors.delete(path);
    rmSync(path, { force: true });
  }
}
