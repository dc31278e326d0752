// The log of a host elsewhere, as if it were here: its lines come over the channel, and what was kept is told back.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { FlowLines, FlowsKeptSchema } from "@photoncloud/proto/gen/plasmavmc/agent/v1/agent_pb";
import type { Clock } from "../../../clock.ts";
import { Queue } from "../../../queue.ts";

type Kept = MessageInitShape<typeof FlowsKeptSchema>;
type Call = (kept: AsyncIterable<Kept>, signal: AbortSignal) => AsyncIterable<FlowLines>;

/** Whoever reads is told that time has passed so often, in milliseconds. */
const lookMs = 250;

export class RemoteTail {
  readonly #call: Call;
  readonly #clock: Clock;
  readonly #kept = new Queue<Kept>();
  #last = 0;
  #told = 0;

  constructor(call: Call, clock: Clock) {
    this.#call = call;
    this.#clock = clock;
  }

  /** Ends with the channel. */
  async *follow(signal: AbortSignal): AsyncGenerator<readonly string[]> {
    const answers = this.#call(this.#kept, signal)[Symbol.asyncIterator]();
    const take = () => answers.next().catch(() => ({ done: true, value: undefined }) as const);
    let next = take();
    try {
      while (!signal.aborted) {
        const came = await this.#withPatience(next, signal);
        if (came === undefined) yield [];
        else if (came.done === true) return;
        else {
          this.#last = came.value.number;
          yield came.value.lines;
          next = take();
        }
      }
    } finally {
      this.#kept.end();
    }
  }

  async keep(): Promise<void> {
    if (this.#last === this.#told) return;
    this.#told = this.#last;
    this.#kept.push({ number: this.#last });
  }

  /** Undefined: nothing came for a while. */
  async #withPatience<T>(coming: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    const rested = new AbortController();
    const resting = this.#clock.sleep(lookMs, AbortSignal.any([signal, rested.signal])).then(() => undefined);
    const came = await Promise.race([coming, resting]);
    rested.abort();
    return came;
  }
}
