// Gathers what is asked for while the last was under way, so that many wishes cost about as much as one.

interface Asked<In, Out> {
  readonly what: In;
  readonly answered: PromiseWithResolvers<Out>;
}

export class Gatherer<In, Out> {
  readonly #most: number;
  readonly #answer: (asked: readonly In[]) => Promise<readonly (Out | Error)[]>;
  readonly #waiting: Asked<In, Out>[] = [];
  #busy = false;

  /** `answer` gets up to `most` at a time, in their order, and answers each; what it throws is everybody's. */
  constructor(most: number, answer: (asked: readonly In[]) => Promise<readonly (Out | Error)[]>) {
    this.#most = most;
    this.#answer = answer;
  }

  add(what: In): Promise<Out> {
    const answered = Promise.withResolvers<Out>();
    this.#waiting.push({ what, answered });
    if (!this.#busy) void this.#run();
    return answered.promise;
  }

  async #run(): Promise<void> {
    this.#busy = true;
    while (this.#waiting.length > 0) await this.#next(this.#waiting.splice(0, this.#most));
    this.#busy = false;
  }

  async #next(batch: readonly Asked<In, Out>[]): Promise<void> {
    try {
      const answers = await this.#answer(batch.map(({ what }) => what));
      for (const [i, { answered }] of batch.entries()) {
        const answer = answers[i];
        if (answer === undefined || answer instanceof Error)
          answered.reject(answer ?? new Error("it was not answered"));
        else answered.resolve(answer);
      }
    } catch (error) {
      for (const { answered } of batch) answered.reject(error);
    }
  }
}
