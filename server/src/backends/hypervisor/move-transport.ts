// How the bytes of a move get from host to host: some streams a machine, each known by a name that both drivers understand ("memory", or a
// disk's). A driver says what is to be carried; who carries it (unix sockets on one machine, TLS between agents) makes sure of both ends.
import type { Duplex } from "node:stream";
import type { MoveOffer } from "./driver.ts";

/** What a destination lets in. */
export interface ExpectedMove {
  readonly vmId: string;
  /** The host that sends, as the machine's description names it. Undefined: on one machine alone, where the secret is enough. */
  readonly fromHostId: string | undefined;
  /** At least 128 bits, drawn for this move alone. */
  readonly secret: string;
  /** The streams that it consists of. */
  readonly channels: readonly string[];
  /** Told of each stream that came, with its name. While one is open, a second of that name is turned away. What is not read is not sent. */
  accept(channel: string, stream: Duplex): void;
}

/** The place where a destination waits. */
export interface MoveDoor {
  /** For the offer. */
  readonly address: string;
  /** Lets nobody in any more, and breaks what is open. */
  close(): Promise<void>;
}

export interface MoveTransport {
  /** Destination: waits for a machine. Waiting again for the same machine ends the earlier waiting. */
  listen(move: ExpectedMove): Promise<MoveDoor>;
  /**
   * Source: opens a stream of a move. What it throws decides which host has the machine where a move broke off in the middle, so that it must not guess.
   *
   * @throws DriverError "refused" only if the destination itself says that it waits for no such move (any more); "unavailable" in every other case:
   * nobody answers there, its certificate is another's, a stream of that name is open still.
   */
  dial(vmId: string, offer: MoveOffer, channel: string, signal: AbortSignal): Promise<Duplex>;
}
