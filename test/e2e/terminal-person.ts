// A person at a terminal, with a configuration of their own, who types when they are asked.
import { join } from "node:path";
import { type Run, type RunOptions, runPhoton } from "../../cli/src/testing/run.ts";

/** What someone types at a question, once it is known what was said before. */
export type Typed = string | ((question: string, err: string) => string);

export class Person {
  readonly #env: Record<string, string>;
  readonly #answers: ((question: string, err: string) => string)[] = [];
  readonly name: string;

  constructor(name: string, folder: string, env: Record<string, string> = {}) {
    this.name = name;
    this.#env = { XDG_CONFIG_HOME: join(folder, name), ...env };
  }

  /** What they type at the next questions. */
  types(...answers: readonly Typed[]): this {
    this.#answers.push(...answers.map((answer) => (typeof answer === "string" ? () => answer : answer)));
    return this;
  }

  async run(
    line: string | readonly string[],
    env: Record<string, string> = {},
    more: Pick<RunOptions, "onOut" | "signal"> = {},
  ): Promise<Run> {
    return runPhoton(line, {
      ...more,
      env: { ...this.#env, ...env },
      now: Date.now(),
      ask: (question, err) => this.#answers.shift()?.(question, err) ?? "",
    });
  }

  /** Runs a line that must succeed. */
  async does(...given: Parameters<Person["run"]>): Promise<Run> {
    const run = await this.run(...given);
    if (run.code !== 0) throw new Error(`${this.name}: photon ${given[0]} ended with ${run.code}: ${run.err}`);
    return run;
  }
}
