// The log of a host elsewhere, as if it were here: its lines come over the channel, and what was kept is told back.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { FlowLines, FlowsKeptSchema } from "@photoncloud/proto/gen/plasmavmc/agent/v1/agent_pb";
import type { Clock } from "../../../clock.ts";
import { Queue } from "../../../queue.ts";

type Kept = MessageInitShape<typeof FlowsKeptSchema>;
type Call = (kept: AsyncIterable<Kept>, signal: AbortSignal) => AsyncIterable<FlowLines>;

/** Whoever reads is told that time has passed so often, in milliseconds. */
const lookMs = 250;

interface Coming<T> {
  readonly came: AbortController;
  /** Undefined until it came. */
  result?: T;
}

/** Waiting for it again and again leaves nothing behind, as racing one promise would. */
function coming<T>(work: Promise<T>): Coming<T> {
  const one: Coming<T> = { came: new AbortController() };
  void work.then((result) => {
    one.result = result;
    one.came.abort();
  });
  return one;
}

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
    const take = () => coming(answers.next().catch(() => ({ done: true, value: undefined }) as const));
    let next = take();
    try {
      while (!signal.aborted) {
        await this.#clock.sleep(lookMs, next.came.signal);
        const { result } = next;
        if (result === undefined) yield [];
        else if (result.done === true) return;
        else {
          this.#last = result.value.number;
          yield result.value.lines;
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
}
