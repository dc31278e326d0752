// Carries moves between the drivers of one process: simulated hosts, and tests.
import { type Duplex, duplexPair } from "node:stream";
import { DriverError } from "../../driver-error.ts";
import type { MoveOffer } from "../driver.ts";
import type { ExpectedMove, MoveDoor, MoveTransport } from "../move-transport.ts";

interface Door {
  readonly move: ExpectedMove;
  /** By the channel's name. */
  readonly open: Map<string, Duplex>;
}

export class MovesWithinProcess implements MoveTransport {
  readonly #doors = new Map<string, Door>();
  #last = 0;

  async listen(move: ExpectedMove): Promise<MoveDoor> {
    const address = `process:${++this.#last}`;
    this.#doors.set(address, { move, open: new Map() });
    return { address, close: async () => this.#close(address) };
  }

  async dial(vmId: string, { address, secret }: MoveOffer, channel: string, signal: AbortSignal): Promise<Duplex> {
    signal.throwIfAborted();
    const door = this.#doors.get(address);
    if (door === undefined || door.move.vmId !== vmId || door.move.secret !== secret)
      throw new DriverError("refused", `no move of vm ${vmId} is expected there`);
    if (!door.move.channels.includes(channel)) throw new Error(`a move of vm ${vmId} has no stream ${channel}`);
    if (door.open.has(channel)) throw new DriverError("unavailable", `stream ${channel} of vm ${vmId} is open`);
    const [here, there] = duplexPair();
    here.once("close", () => here.writableFinished || there.destroy());
    there.once("close", () => {
      door.open.delete(channel);
      if (!there.writableFinished) here.destroy();
    });
    door.open.set(channel, there);
    door.move.accept(channel, there);
    return here;
  }

  /** Breaks all that is open, as when a network fails, for tests. */
  cut(): void {
    for (const { open } of this.#doors.values()) for (const stream of open.values()) stream.destroy();
  }

  #close(address: string): void {
    const door = this.#doors.get(address);
    this.#doors.delete(address);
    for (const stream of door?.open.values() ?? []) stream.destroy();
  }
}

/** What drivers use that were given no other. */
export const withinProcess: MoveTransport = new MovesWithinProcess();
