// The source's side of a move: carries a machine to its destination, and makes sure that exactly one of the two hosts has it in the end.
//
// Until all is carried the source may give up at any time. Then the machine stands still, the source writes down that it hands it over, and says
// "go". From there on only the destination's own answer decides: "runs", and the machine has ended here; "unknown", and it goes on here, since
// a destination that lost the line forgets what has not come. Without an answer the source asks again, for as long as it takes.
import type { Duplex } from "node:stream";
import type { Clock } from "../../../clock.ts";
import { DriverError } from "../../driver-error.ts";
import type { MoveOffer, MoveState } from "../driver.ts";
import type { MoveTransport } from "../move-transport.ts";
import { MoveLine, sentenceOf, type Words } from "./line.ts";

/** A machine that is to be moved, as its driver handles it. */
export interface Cargo {
  /** What the destination must know to make room. */
  describe(): Promise<Words>;
  /**
   * Carries all of it. Resolves when the machine stands still and nothing is left to be carried, with the words that make it complete.
   * An aborted signal ends it soon.
   *
   * @param ready what the destination said of the room that it made.
   */
  carry(dial: (channel: string) => Promise<Duplex>, ready: Words, signal: AbortSignal): Promise<Words>;
  progress(): { readonly copiedBytes: number; readonly totalBytes: number };
  /** Writes down that it may be the destination's from here on; `Sender.resume` goes on from it. */
  handOver(last: Words): void;
  /** The move is given up: it goes on here as if nothing had been asked. Again: changes nothing. */
  stay(): Promise<void>;
  /** It runs at the destination: writes that down, then ends here. */
  leave(): Promise<void>;
}

export interface SenderOptions {
  readonly vmId: string;
  readonly offer: MoveOffer;
  readonly transport: MoveTransport;
  readonly cargo: Cargo;
  readonly clock: Clock;
}

/** What is told of a machine that is handed over, until it is known where it goes on. */
export const standsStill = "it stands still: it is being handed over to another host";
/** The stream on which the drivers talk. */
export const controlChannel = "control";

/** The pause before a silent destination is asked again, doubled each time. Milliseconds. */
const [firstPauseMs, longestPauseMs] = [50, 5_000];
/** How long one answer is waited for, and how long who cancels waits for the destination's. Milliseconds. */
const answerMs = 60_000;
const cancelMs = 10_000;

type Verdict = "runs" | "unknown";

export class Sender {
  readonly #options: SenderOptions;
  #phase: "copying" | "handing" | "done" | "failed" = "copying";
  #reason = "";
  #line: MoveLine | undefined;
  /** Of the line: what it says next. */
  #next: Promise<Words | undefined> | undefined;
  #giveUp = new AbortController();
  #hurry = new AbortController();
  #withdraws = false;
  #detached = false;
  #work: Promise<void> = Promise.resolve();

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#work = this.#carry();
  }

  /** Goes on where another driver's process ended after it had handed the machine over. */
  resume(last: Words): void {
    this.#phase = "handing";
    this.#work = this.#handOver(last);
  }

  /** It had left when another driver's process ended. */
  hasLeft(): void {
    this.#phase = "done";
  }

  get state(): MoveState {
    switch (this.#phase) {
      case "done":
        return { phase: "done" };
      case "failed":
        return { phase: "failed", reason: this.#reason };
      default:
        return { phase: "copying", ...this.#options.cargo.progress() };
    }
  }

  /** Whether the machine may not be changed. */
  get isUnderWay(): boolean {
    return this.#phase === "copying" || this.#phase === "handing";
  }

  /** Whether it stands still, and the destination alone knows where it goes on. */
  get isHandedOver(): boolean {
    return this.#phase === "handing";
  }

  /** The machine has ended while it was moved, or can't be carried: why, as a sentence. */
  giveUp(reason: string): void {
    this.#giveUp.abort(new DriverError("unavailable", reason));
  }

  /** Answers whether the machine stays here. @throws DriverError "unavailable" if that can't be known. */
  async cancel(): Promise<boolean> {
    this.giveUp("it was cancelled");
    this.#withdraws = true;
    this.#hurry.abort();
    const late = new AbortController();
    await Promise.race([this.#work, this.#options.clock.sleep(cancelMs, late.signal)]);
    late.abort();
    if (!this.isUnderWay) return this.#phase !== "done";
    const { vmId } = this.#options;
    throw new DriverError("unavailable", `all of vm ${vmId} was handed over, and its destination does not answer`);
  }

  /** Lets go of it; nothing of the machine is changed. */
  async detach(): Promise<void> {
    this.#detached = true;
    this.giveUp("the host's agent ends");
    this.#hurry.abort();
    this.#line?.close();
    await this.#work;
  }

  async #carry(): Promise<void> {
    const { signal } = this.#giveUp;
    const { cargo } = this.#options;
    let last: Words;
    try {
      await this.#open(signal);
      const ready = await this.#tell({ hello: await cargo.describe() }, signal);
      if (ready.ready !== true) throw new DriverError("refused", reasonOf(ready));
      this.#watch();
      last = await cargo.carry((channel) => this.#dial(channel, signal), ready, signal);
      signal.throwIfAborted();
      cargo.handOver(last);
      this.#phase = "handing";
    } catch (error) {
      return this.#stay(sentenceOf(signal.aborted ? signal.reason : error));
    }
    await this.#handOver(last);
  }

  async #handOver(last: Words): Promise<void> {
    for (let pauseMs = firstPauseMs; !this.#detached; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      const { verdict, reason } = await this.#ask(last);
      if (verdict === "unknown") return this.#stay(reason);
      if (verdict === "runs" && (await this.#leave())) return;
      await this.#options.clock.sleep(pauseMs, this.#hurry.signal);
      if (this.#hurry.signal.aborted) this.#hurry = new AbortController();
    }
  }

  async #leave(): Promise<boolean> {
    try {
      await this.#options.cargo.leave();
      this.#phase = "done";
      this.#line?.end();
      return true;
    } catch {
      // Its record could not be written: the host's disk is full. It stands still here until it can.
      return false;
    }
  }

  async #stay(reason: string): Promise<void> {
    this.#line?.close();
    if (this.#detached) return;
    await this.#options.cargo.stay().catch(() => {});
    this.#reason = reason;
    this.#phase = "failed";
  }

  /** No verdict: the destination does not answer. */
  async #ask(last: Words): Promise<{ readonly verdict?: Verdict; readonly reason: string }> {
    const signal = AbortSignal.any([this.#hurry.signal, AbortSignal.timeout(answerMs)]);
    try {
      if (this.#line === undefined) await this.#open(signal);
      const answer = await this.#tell(this.#withdraws ? { withdraw: true } : { go: last }, signal);
      const reason = this.#withdraws ? "it was cancelled" : reasonOf(answer);
      if (answer.runs === true) return { verdict: "runs", reason };
      if (answer.unknown === true) return { verdict: "unknown", reason };
    } catch (error) {
      if (error instanceof DriverError && error.reason === "refused")
        return { verdict: "unknown", reason: "its destination forgot it" };
    }
    this.#line?.close();
    this.#line = undefined;
    return { reason: "" };
  }

  async #open(signal: AbortSignal): Promise<void> {
    this.#line = new MoveLine(await this.#dial(controlChannel, signal));
    this.#next = undefined;
  }

  #dial(channel: string, signal: AbortSignal): Promise<Duplex> {
    const { transport, vmId, offer } = this.#options;
    return transport.dial(vmId, offer, channel, signal);
  }

  /** @throws DriverError "unavailable" if the line is cut. */
  async #tell(words: Words, signal: AbortSignal): Promise<Words> {
    const line = this.#line;
    const aborted = Promise.withResolvers<undefined>();
    const abort = () => aborted.resolve(undefined);
    signal.addEventListener("abort", abort, { once: true });
    try {
      signal.throwIfAborted();
      line?.send(words);
      const next = this.#next ?? line?.next();
      this.#next = undefined;
      const answer = await Promise.race([next, aborted.promise]);
      signal.throwIfAborted();
      if (answer === undefined) throw new DriverError("unavailable", "the line to its destination is cut");
      return answer;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** While it is carried the destination has nothing to say but that it failed. */
  #watch(): void {
    const next = this.#line?.next();
    this.#next = next;
    void next?.then((words) => {
      if (words?.failed !== undefined || words === undefined) this.giveUp(reasonOf(words));
    });
  }
}

function reasonOf(words: Words | undefined): string {
  const told = words?.failed ?? words?.reason;
  return typeof told === "string" && told !== "" ? told : "the line to its destination is cut";
}
