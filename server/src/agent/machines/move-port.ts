// Carries moves between the server's own host and agents' hosts. An agent has a port anyhow; the server's host opens one of its own when the first
// machine is to come to it. It shows a host's certificate, made anew in time, whose key is in memory alone.
import type { Duplex } from "node:stream";
import { DriverError } from "../../backends/driver-error.ts";
import type { MoveOffer } from "../../backends/hypervisor/driver.ts";
import type { ExpectedMove, MoveDoor, MoveTransport } from "../../backends/hypervisor/move-transport.ts";
import type { Clock } from "../../clock.ts";
import { Door, type Shown } from "./door.ts";
import { MoveStreams, moveProtocol } from "./move-streams.ts";

export interface MovePortOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** Where agents find it: host:port. Port 0: the one that is open. */
  readonly address: { readonly host: string; readonly port: number };
  /** A new key and its certificate, as this very host. */
  makeIdentity(): Promise<Shown>;
  readonly clock: Clock;
  readonly log: (message: string, error?: unknown) => void;
}

/** How long one certificate is shown, in milliseconds: far less than it is good for. */
const identityMs = 86_400_000;

interface Face {
  readonly identity: Shown;
  readonly streams: MoveStreams;
}

interface Open {
  readonly door: Door;
  readonly address: string;
}

export class MovePort implements MoveTransport {
  readonly #options: MovePortOptions;
  #face: { readonly at: number; readonly made: Promise<Face> } | undefined;
  #open: Promise<Open> | undefined;

  constructor(options: MovePortOptions) {
    this.#options = options;
  }

  /** @throws DriverError "refused" if the port can't be opened. */
  async listen(move: ExpectedMove): Promise<MoveDoor> {
    const face = await this.#shown();
    this.#open ??= this.#openDoor(face).catch((error: unknown) => {
      this.#open = undefined;
      throw error;
    });
    const { address } = await this.#open;
    const { close } = await face.streams.listen(move);
    return { address, close };
  }

  async dial(vmId: string, offer: MoveOffer, channel: string, signal: AbortSignal): Promise<Duplex> {
    const { streams } = await this.#shown();
    return streams.dial(vmId, offer, channel, signal);
  }

  async close(): Promise<void> {
    const [face, open] = await Promise.allSettled([this.#face?.made, this.#open]);
    if (face.status === "fulfilled") face.value?.streams.close();
    if (open.status === "fulfilled") await open.value?.door.close();
  }

  /** With a certificate that is good for long enough. */
  #shown(): Promise<Face> {
    const now = this.#options.clock.now();
    if (this.#face === undefined || Math.abs(now - this.#face.at) > identityMs) {
      const made = this.#show(this.#face?.made).catch((error: unknown) => {
        this.#face = undefined;
        throw error;
      });
      this.#face = { at: now, made };
    }
    return this.#face.made;
  }

  async #show(before: Promise<Face> | undefined): Promise<Face> {
    const identity = await this.#options.makeIdentity();
    const { streams } = (await before) ?? { streams: new MoveStreams(identity) };
    streams.show(identity);
    (await this.#open)?.door.show(identity);
    return { identity, streams };
  }

  async #openDoor({ identity, streams }: Face): Promise<Open> {
    const { listen, address, log } = this.#options;
    const door = new Door({
      identity,
      protocols: [moveProtocol],
      enter: (socket) => streams.take(socket),
      turnedAway: (error) => log("a stranger was turned away", error),
    });
    const port = await door.listen(listen.host, listen.port).catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new DriverError("refused", `the server's own host can take no machine in (--moves-listen): ${why}`, {
        cause,
      });
    });
    const host = address.host.includes(":") ? `[${address.host}]` : address.host;
    return { door, address: `${host}:${address.port === 0 ? port : address.port}` };
  }
}
