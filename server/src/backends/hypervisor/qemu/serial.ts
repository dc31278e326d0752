// A serial console for several viewers. QEMU serves one client alone: that is this module, as long as somebody looks.
import { connect, type Socket } from "node:net";
import { Duplex } from "node:stream";

/** How far a viewer may fall behind, in bytes, before it is cut off: the guest waits for nobody. */
const furthestBehind = 1024 ** 2;

export class SerialLine {
  readonly #path: string;
  readonly #viewers = new Set<Duplex>();
  #line: Promise<Socket> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Sees what the guest writes from now on, and types. @throws the system's error if nobody answers. */
  async join(): Promise<Duplex> {
    const viewer: Duplex = new Duplex({
      read: () => {},
      write: (bytes, _, done) => void line.then((socket) => socket.write(bytes, () => done()), done),
      final: (done) => {
        done();
        viewer.destroy();
      },
      destroy: (error, done) => {
        this.#leave(viewer);
        done(error);
      },
    });
    // A viewer that is cut off need not listen for why.
    viewer.on("error", () => {});
    this.#viewers.add(viewer);
    this.#line ??= this.#dial();
    const line = this.#line;
    await line.catch((error: Error) => {
      viewer.destroy();
      throw error;
    });
    return viewer;
  }

  /** Ends all viewers. */
  close(): void {
    for (const viewer of this.#viewers) viewer.destroy();
    this.#hangUp();
  }

  async #dial(): Promise<Socket> {
    const line = connect({ path: this.#path });
    await new Promise<void>((resolve, reject) => line.once("connect", resolve).once("error", reject));
    line.on("error", () => {});
    line.on("data", (bytes: Buffer) => this.#show(bytes));
    line.once("close", () => void this.#end(line));
    return line;
  }

  #show(bytes: Buffer): void {
    for (const viewer of this.#viewers) {
      viewer.push(bytes);
      if (viewer.readableLength > furthestBehind) viewer.destroy(new Error("the viewer fell behind the console"));
    }
  }

  /** The machine has ended: viewers read the rest, and then the end. */
  async #end(line: Socket): Promise<void> {
    if ((await this.#line) !== line) return;
    this.#line = undefined;
    for (const viewer of this.#viewers) viewer.push(null);
    this.#viewers.clear();
  }

  #leave(viewer: Duplex): void {
    this.#viewers.delete(viewer);
    if (this.#viewers.size === 0) this.#hangUp();
  }

  #hangUp(): void {
    const line = this.#line;
    this.#line = undefined;
    void line?.then((socket) => socket.destroy()).catch(() => {});
  }
}
