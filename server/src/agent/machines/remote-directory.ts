// The directory that the network's agent asks, answered by the server over its own call: the agent asks in the stream of that call's answers.
import { create } from "@bufbuild/protobuf";
import {
  type DirectoryAnswer,
  type DirectoryQuestion,
  DirectoryQuestionSchema,
} from "@photoncloud/proto/gen/plasmavmc/agent/v1/agent_pb";
import { DriverError } from "../../backends/driver-error.ts";
import { Queue } from "../../queue.ts";
import type { Caller, Directory, GuestFacts, GuestName, Place } from "../directory.ts";

/** A guest that asks for a name asks again after a few seconds. Milliseconds. */
const patienceMs = 3_000;

type Waiting = PromiseWithResolvers<string | undefined>;

export class RemoteDirectory implements Directory {
  readonly #waiting = new Map<number, Waiting>();
  #questions: Queue<DirectoryQuestion> | undefined;
  #last = 0;

  /** Whether a server answers. */
  get isServed(): boolean {
    return this.#questions !== undefined;
  }

  async addresses(place: Place, name: GuestName): Promise<readonly string[] | undefined> {
    return this.#ask("addresses", [place, name]);
  }

  async nameOf(place: Place, address: string): Promise<GuestName | undefined> {
    return this.#ask("nameOf", [place, address]);
  }

  async networks(place: Place): Promise<readonly string[]> {
    const none: readonly string[] = [];
    return (await this.#ask<readonly string[]>("networks", [place])) ?? none;
  }

  async guest(place: Place, caller: Caller): Promise<GuestFacts | undefined> {
    return this.#ask("guest", [place, caller]);
  }

  /** Serves the server's call. Of two servers the one that called last is asked. */
  async *serve(answers: AsyncIterable<DirectoryAnswer>, signal: AbortSignal): AsyncGenerator<DirectoryQuestion> {
    const questions = new Queue<DirectoryQuestion>();
    this.#questions = questions;
    signal.addEventListener("abort", () => questions.end(), { once: true });
    const read = async () => {
      for await (const answer of answers) this.#take(answer);
    };
    read()
      .catch(() => {})
      .finally(() => questions.end());
    yield* questions;
    if (this.#questions === questions) this.#questions = undefined;
  }

  #take({ number, json, error }: DirectoryAnswer): void {
    if (error === "") this.#waiting.get(number)?.resolve(json);
    else this.#waiting.get(number)?.reject(new Error(error));
  }

  /** The server answers what its own directory does: the shape is that of the same interface. */
  async #ask<T>(method: keyof Directory, values: readonly unknown[]): Promise<T | undefined> {
    const questions = this.#questions;
    if (questions === undefined) throw new DriverError("unavailable", "no server has called this agent yet");
    const number = ++this.#last;
    const waiting: Waiting = Promise.withResolvers();
    this.#waiting.set(number, waiting);
    const late = setTimeout(
      () => waiting.reject(new DriverError("unavailable", "the server did not answer")),
      patienceMs,
    );
    try {
      questions.push(create(DirectoryQuestionSchema, { number, method, json: JSON.stringify(values) }));
      const json = await waiting.promise;
      return json === undefined ? undefined : JSON.parse(json);
    } finally {
      clearTimeout(late);
      this.#waiting.delete(number);
    }
  }
}
