// A console over the channel, as the stream that the role asks for.
import { Duplex } from "node:stream";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { OpenConsoleRequestSchema } from "@photoncloud/proto/gen/plasmavmc/agent/v1/agent_pb";

type Request = MessageInitShape<typeof OpenConsoleRequestSchema>;
type Answers = AsyncIterable<{ readonly data: Uint8Array }>;

/** What is written, one after the other; a write is done when it was taken. */
class Outbox implements AsyncIterable<Request> {
  readonly #first: Request;
  #waiting = Promise.withResolvers<{ readonly data: Uint8Array; readonly taken: () => void } | undefined>();

  constructor(first: Request) {
    this.#first = first;
  }

  put(data: Uint8Array, taken: () => void): void {
    this.#waiting.resolve({ data, taken });
  }

  end(): void {
    this.#waiting.resolve(undefined);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Request> {
    yield this.#first;
    for (;;) {
      const next = await this.#waiting.promise;
      if (next === undefined) return;
      this.#waiting = Promise.withResolvers();
      yield { data: next.data };
      next.taken();
    }
  }
}

/** Opens one. It is open when the first answer has come. */
export async function openDuplex(
  first: Request,
  call: (requests: AsyncIterable<Request>, signal: AbortSignal) => Answers,
  signal: AbortSignal,
): Promise<Duplex> {
  const outbox = new Outbox(first);
  const closing = new AbortController();
  const answers = call(outbox, AbortSignal.any([signal, closing.signal]))[Symbol.asyncIterator]();
  await answers.next();
  const pull = async (duplex: Duplex) => {
    const { value, done } = await answers.next();
    duplex.push(done === true ? null : Buffer.from(value.data));
  };
  return new Duplex({
    read() {
      void pull(this).catch((error: Error) => this.destroy(closing.signal.aborted ? undefined : error));
    },
    write(chunk: Uint8Array, _, done) {
      outbox.put(chunk, done);
    },
    final(done) {
      outbox.end();
      done();
    },
    destroy(error, done) {
      outbox.end();
      closing.abort();
      done(error);
    },
  });
}
