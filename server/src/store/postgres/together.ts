// Ends of runs, many in one transaction: a rush of settles is one commit and a few round trips, as it is one commit on SQLite. Only what
// can't get in each other's way goes together: each plan writes one resource and its task, each another one. The scripts run side by side, a
// round trip for a statement of each. All is stored or nothing; where it is nothing, each plan runs by itself.
import type pg from "pg";
import type { Written } from "../database.ts";
import { keyString } from "../sql/key.ts";
import type { Script, Statement } from "../sql/script.ts";
import type { Plan } from "../write/plan.ts";
import { execute } from "./client.ts";

/** More would make the first of them wait, and others longer for the rows. */
const most = 128;

interface Waiting {
  readonly plan: Plan;
  /** The resource that it is about. */
  readonly name: string;
  readonly ended: PromiseWithResolvers<Written<void>>;
}

export interface Runs {
  /** On connections that take statements before the last one is answered. */
  readonly pool: pg.Pool;
  readonly script: (plan: Plan) => Script<void>;
  /** One plan in a transaction of its own. */
  readonly alone: (plan: Plan) => Promise<Written<void>>;
}

/** The one resource that a plan ends a run of; undefined: it does more than that. */
export function settledAlone(plan: Plan): string | undefined {
  const { changes, expectations, guards, remembers, schedules, settles } = plan;
  const [settle] = settles;
  if (settle === undefined || settles.length + guards.length + remembers.length + schedules.length > 1)
    return undefined;
  if (changes.some(({ put, end }) => put !== undefined || end === "tombstone")) return undefined;
  const name = keyString(settle.task.key);
  return [...changes, ...expectations].every(({ key }) => keyString(key) === name) ? name : undefined;
}

export class Together {
  readonly #runs: Runs;
  #waiting: Waiting[] = [];
  /** Whether what waits is going to be taken anyway. */
  #running = false;

  constructor(runs: Runs) {
    this.#runs = runs;
  }

  /** @param name what `settledAlone` answered */
  write(plan: Plan, name: string): Promise<Written<void>> {
    const ended = Promise.withResolvers<Written<void>>();
    this.#waiting.push({ plan, name, ended });
    if (!this.#running) {
      this.#running = true;
      setImmediate(() => void this.#run());
    }
    return ended.promise;
  }

  /** What comes while one is under way goes into the next. */
  async #run(): Promise<void> {
    while (this.#waiting.length > 0) await this.#runSome(this.#take());
    this.#running = false;
  }

  /** Of each resource the first, in the order in which all transactions hold rows, so that none waits for another in a circle. */
  #take(): readonly Waiting[] {
    const taken = new Map<string, Waiting>();
    const left: Waiting[] = [];
    for (const one of this.#waiting) {
      if (taken.size >= most || taken.has(one.name)) left.push(one);
      else taken.set(one.name, one);
    }
    this.#waiting = left;
    return [...taken.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async #runSome(some: readonly Waiting[]): Promise<void> {
    const outcome = some.length > 1 ? await this.#commit(some) : "undone";
    for (const { plan, ended } of some) {
      if (outcome === "committed") ended.resolve({ done: true, answer: undefined });
      else if (outcome === "undone") this.#runs.alone(plan).then(ended.resolve, ended.reject);
      else ended.reject(outcome.error);
    }
  }

  /** "undone": nothing was stored. An error: it is not known. */
  async #commit(some: readonly Waiting[]): Promise<"committed" | "undone" | { readonly error: unknown }> {
    const client = await this.#runs.pool.connect().catch(() => undefined);
    if (client === undefined) return "undone";
    let broken = false;
    try {
      const scripts = some.map(({ plan }) => this.#runs.script(plan));
      if (!(await sideBySide(client, scripts))) {
        await client.query("ROLLBACK").catch(() => {
          broken = true;
        });
        return "undone";
      }
      await client.query("COMMIT");
      return "committed";
    } catch (error) {
      broken = true;
      return { error };
    } finally {
      client.release(broken);
    }
  }
}

/** Begins a transaction and runs the scripts in it. Answers whether all of them came to their ends. */
async function sideBySide(client: pg.ClientBase, scripts: readonly Script<void>[]): Promise<boolean> {
  const begun = client.query("BEGIN ISOLATION LEVEL READ COMMITTED");
  try {
    let running = scripts.flatMap((script) => nextOf(script));
    while (running.length > 0) {
      const asked = running.map(({ statement }) => execute(client, statement));
      const answers = await Promise.allSettled([begun, ...asked]);
      running = running.flatMap(({ script }, index) => {
        const answer = answers[index + 1];
        if (answer?.status !== "fulfilled" || !Array.isArray(answer.value)) throw new Error("a statement failed");
        return nextOf(script, answer.value);
      });
    }
    await begun;
    return true;
  } catch {
    return false;
  }
}

interface Running {
  readonly script: Script<void>;
  readonly statement: Statement;
}

/** The script with its next statement; nothing where it has come to its end. @throws Refused */
function nextOf(script: Script<void>, ...answer: Parameters<Script<void>["next"]>): readonly Running[] {
  const step = script.next(...answer);
  return step.done ? [] : [{ script, statement: step.value }];
}
