// The destination's side of a move: lets the one sender in that was told the secret, and forgets what has not come when the line is cut.
import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { DriverError } from "../../driver-error.ts";
import type { MoveOffer } from "../driver.ts";
import type { MoveDoor, MoveTransport } from "../move-transport.ts";
import { MoveLine, sentenceOf, type Words } from "./line.ts";
import { controlChannel } from "./sender.ts";

/** The place that is made for a machine, as its driver handles it. */
export interface Berth {
  /**
   * Makes room for what the sender describes. Answers what the sender must know of it.
   *
   * @param broke is told if it is worth nothing any more, and why.
   * @throws DriverError "refused" where it can't be.
   */
  prepare(described: Words, broke: (reason: string) => void): Promise<Words>;
  /** A stream of what is carried. */
  take(channel: string, stream: Duplex): void;
  /** All was carried: writes down that the machine is here, then lets it go on. @throws before that is written alone. */
  come(last: Words): Promise<void>;
  /** Takes everything away that was made. Succeeds where there is nothing. */
  forget(): Promise<void>;
}

export interface ReceiverOptions {
  readonly vmId: string;
  readonly hostId: string | undefined;
  readonly fromHostId: string | undefined;
  readonly channels: readonly string[];
  readonly transport: MoveTransport;
  readonly berth: Berth;
  /** Of a receiver that another driver's process had, in which the machine has come. */
  readonly came?: { readonly secret: string };
}

const forgotten = "its destination forgot it";
/** 256 bits: nobody guesses it. */
const secretBytes = 32;

export class Receiver {
  readonly secret: string;
  readonly #options: ReceiverOptions;
  #door: MoveDoor | undefined;
  #line: MoveLine | undefined;
  #isReady = false;
  #hasCome: boolean;
  #isClosed = false;
  /** Why it is not ready. */
  #why = forgotten;
  /** What is asked is done one after the other. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.secret = options.came?.secret ?? randomBytes(secretBytes).toString("base64url");
    this.#hasCome = options.came !== undefined;
  }

  get hasCome(): boolean {
    return this.#hasCome;
  }

  /** Waits for the machine. */
  async offer(): Promise<MoveOffer> {
    const { vmId, hostId, fromHostId, channels, transport } = this.#options;
    this.#door ??= await transport.listen({
      vmId,
      fromHostId,
      secret: this.secret,
      channels: [controlChannel, ...channels],
      accept: (channel, stream) => this.#accept(channel, stream),
    });
    return { address: this.#door.address, secret: this.secret, ...(hostId !== undefined && { hostId }) };
  }

  /** Gives up, unless the machine has come. Answers whether it has. */
  cancel(): Promise<boolean> {
    return this.#inTurn(async () => {
      if (!this.#hasCome) await this.#forget();
      if (!this.#hasCome) await this.close();
      return this.#hasCome;
    });
  }

  /** Lets nobody in any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#line?.close();
    await this.#door?.close();
    this.#door = undefined;
  }

  #accept(channel: string, stream: Duplex): void {
    stream.on("error", () => {});
    if (this.#isClosed) stream.destroy();
    else if (channel === controlChannel) void this.#serve(new MoveLine(stream));
    else if (this.#isReady) this.#options.berth.take(channel, stream);
    else stream.destroy();
  }

  async #serve(line: MoveLine): Promise<void> {
    this.#line = line;
    for (let words = await line.next(); words !== undefined; words = await line.next()) {
      const said = words;
      await this.#inTurn(() => this.#answer(line, said)).catch((error: unknown) => {
        line.send({ failed: sentenceOf(error) });
        line.end();
      });
    }
    await this.#inTurn(async () => {
      if (this.#line === line && !this.#hasCome) await this.#forget();
    });
  }

  async #answer(line: MoveLine, { hello, go, withdraw }: Words): Promise<void> {
    if (isWords(hello)) await this.#prepare(line, hello);
    else if (this.#hasCome) line.send({ runs: true });
    else if (isWords(go) && this.#isReady) await this.#come(line, go);
    else {
      if (withdraw === true) await this.#forget();
      line.send({ unknown: true, reason: this.#why });
    }
  }

  async #prepare(line: MoveLine, hello: Words): Promise<void> {
    if (this.#hasCome) throw new DriverError("refused", "it has come already");
    await this.#forget();
    const broke = (reason: string) => {
      if (this.#hasCome || this.#line !== line) return;
      this.#why = reason;
      line.send({ failed: reason });
      line.end();
    };
    try {
      const words = await this.#options.berth.prepare(hello, broke);
      this.#why = forgotten;
      this.#isReady = true;
      line.send({ ...words, ready: true });
    } catch (error) {
      await this.#forget();
      throw error;
    }
  }

  async #come(line: MoveLine, last: Words): Promise<void> {
    try {
      await this.#options.berth.come(last);
      this.#hasCome = true;
      line.send({ runs: true });
    } catch (error) {
      await this.#forget();
      line.send({ unknown: true, reason: sentenceOf(error) });
    }
  }

  async #forget(): Promise<void> {
    this.#isReady = false;
    await this.#options.berth.forget();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => {});
    return done;
  }
}

function isWords(value: unknown): value is Words {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
