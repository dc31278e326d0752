// Runs closures as transactions: optimistically first, and again when what they read has changed.
import { randomBytes } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { Database, Written } from "./database.ts";
import { Queues } from "./queues.ts";
import { StoreError, type Tx } from "./store.ts";
import { Transaction } from "./transaction.ts";
import { type Plan, type Refusal, writes } from "./write/plan.ts";

/** With the queues below, only other processes can still get in between; 64 losses in a row mean that something is wrong. */
const maxRuns = 64;
/** The first reruns start at once; later ones wait up to this many milliseconds. */
const runsAtOnce = 3;
const maxWaitMs = 20;

type Outcome<T> = { readonly value: T } | { readonly error: unknown } | "again";

export class Transactor {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #queues = new Queues();
  readonly #stamps = stampSource();

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async transact<T>(run: (tx: Tx) => Promise<T>): Promise<T> {
    let guards: readonly string[] = [];
    for (let runs = 0; runs < maxRuns; runs++) {
      if (runs >= runsAtOnce) await wait(Math.random() * Math.min(maxWaitMs, runs));
      const leave = await this.#queues.enter(guards);
      try {
        const tx = new Transaction(this.#database, { now: this.#clock.now(), stamp: this.#stamps(), guards });
        const outcome = await this.#runOnce(tx, run);
        if (outcome !== "again") return settled(outcome);
        guards = tx.guardNames;
      } finally {
        leave();
      }
    }
    throw new StoreError({ reason: "contended" });
  }

  /** Runs a closure on what is there now. What it reads may be of two moments, since nothing rests on it: nothing is stored. */
  rehearse<T>(run: (tx: Tx) => Promise<T>): Promise<T> {
    return run(new Transaction(this.#database, { now: this.#clock.now(), stamp: this.#stamps(), guards: [] }));
  }

  async #runOnce<T>(tx: Transaction, run: (tx: Tx) => Promise<T>): Promise<Outcome<T>> {
    const result = await run(tx).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    if (tx.guardedLate) return "again";
    const plan = await tx.plan();
    const written = await this.#write("error" in result || !writes(plan) ? "verify" : "apply", plan);
    return written.done ? result : answer(written.refusal);
  }

  /** Also what refuses or only reads is checked, so that it never rests on reads that do not belong together; a single read always does. */
  #write(name: "verify" | "apply", plan: Plan): Promise<Written<void>> {
    if (name === "verify" && plan.expectations.length + plan.guards.length < 2) {
      return Promise.resolve({ done: true, answer: undefined });
    }
    return this.#database.write(name, name === "apply" ? plan : readsOf(plan));
  }
}

function readsOf(plan: Plan): Plan {
  return { ...plan, changes: [], events: [], schedules: [], settles: [], remembers: [] };
}

function answer(refusal: Refusal): { readonly error: StoreError } | "again" {
  return refusal.reason === "stale" ? "again" : { error: new StoreError(refusal) };
}

function settled<T>(outcome: { readonly value: T } | { readonly error: unknown }): T {
  if ("error" in outcome) throw outcome.error;
  return outcome.value;
}

/** Stamps that no other transaction has, in this or any other process. */
function stampSource(): () => string {
  const source = randomBytes(9).toString("base64url");
  let count = 0;
  return () => `${source}${(count++).toString(36)}`;
}

/** Real time, also under a test's clock: it spreads contenders, and decides nothing. */
function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
