// Carries moves between two drivers of one machine, by unix sockets. For tests, and for whoever has both hosts under one roof.
import { rmSync } from "node:fs";
import { createConnection, createServer, type Server } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { DriverError } from "../driver-error.ts";
import type { MoveOffer } from "./driver.ts";
import { greet, MoveGate } from "./move-gate.ts";
import type { ExpectedMove, MoveDoor, MoveTransport } from "./move-transport.ts";

const scheme = "unix:";

export class SocketMoves implements MoveTransport {
  readonly #folder: string;
  #made = 0;

  /** @param folder for sockets, whose paths must stay below 108 bytes. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async listen(move: ExpectedMove): Promise<MoveDoor> {
    const gate = new MoveGate();
    const unexpect = gate.expect(move);
    const path = join(this.#folder, `move-${process.pid}-${++this.#made}`);
    const server = createServer((socket) => void gate.admit(socket, () => true));
    await listening(server, path);
    const close = async () => {
      unexpect();
      server.close();
      rmSync(path, { force: true });
    };
    return { address: `${scheme}${path}`, close };
  }

  async dial(vmId: string, { address, secret }: MoveOffer, channel: string, signal: AbortSignal): Promise<Duplex> {
    if (!address.startsWith(scheme)) throw new DriverError("refused", `${address} is no address on this machine`);
    const socket = createConnection({ path: address.slice(scheme.length), signal });
    socket.on("error", () => socket.destroy());
    await greet(socket, { vmId, channel, secret });
    return socket;
  }
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => server.once("error", reject).listen(path, resolve));
}
