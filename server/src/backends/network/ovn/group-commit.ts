// Changes of many objects in few transactions: those that come together go out together, and the next transaction is planned and sent while
// the last one is under way. One that is refused is taken apart, so that a bad object fails alone.
import type { Clock } from "../../../clock.ts";
import { DriverError } from "../../driver-error.ts";
import { Aborts } from "./aborts.ts";
import { Batch } from "./batch.ts";
import type { Difference } from "./difference.ts";
import type { Holdings } from "./holdings.ts";
import { type Database, OvsdbError } from "./ovsdb/database.ts";

/** A change of one object. */
export interface Change {
  readonly key: string;
  /** The keys of the objects that must be there. */
  readonly needs: readonly string[];
  /** Whether the object is there afterwards. */
  readonly makes: boolean;
  /** What to write, as things are when its turn comes. @throws DriverError */
  plan(): Difference;
}

/** Changes in a transaction: enough that the server's work for a commit is shared, few enough that it starts early and the next is planned meanwhile. Measured: 64 beats 128 and 256, at 1,000 ports and at 5,000. */
const maxChanges = 64;
/** Transactions under way: one that the server works on, and what it finds next, so that a pause for garbage here is none for the server. */
const maxFlights = 4;

/**
 * After a rush of writes the next ones are collected, for so many milliseconds a change and at most so many: northd and the hosts take a hundred
 * ports together in little more time than ten, and small steps take from them what the calls that bring the changes need. What comes in ones and
 * twos goes at once.
 */
const restMs = 4;
const longestRestMs = 400;
const rush = 16;

/** A change that somebody waits for. */
class Pending {
  readonly change: Change;
  readonly #promise = Promise.withResolvers<void>();
  readonly #stop: () => void;
  #over = false;

  /** @param abort answers how to stop waiting for it */
  constructor(change: Change, abort: (pending: Pending) => () => void) {
    this.change = change;
    this.#stop = abort(this);
  }

  get settled(): Promise<void> {
    return this.#promise.promise;
  }

  /** Nobody waits for it any more. */
  get over(): boolean {
    return this.#over;
  }

  settle(err?: unknown): void {
    this.#over = true;
    this.#stop();
    if (err === undefined) this.#promise.resolve();
    else this.#promise.reject(err);
  }
}

interface Flight {
  readonly batch: Batch;
  readonly changes: readonly Pending[];
}

export class GroupCommit {
  readonly #database: Database;
  readonly #holdings: Holdings;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  readonly #aborts = new Aborts();
  readonly #waiting = new Set<Pending>();
  /** The keys of what is under way: a second change of the same object waits for the first. */
  readonly #busy = new Set<string>();
  readonly #flights = new Set<Promise<void>>();
  /** What failed, and what was planned upon it, in the order in which it was sent. */
  #failed: Flight[] = [];
  /** More may be called in this turn of the event loop. */
  #scheduled = false;
  /** Changes that were called since the last transaction that was planned before a turn's end. */
  #called = 0;
  /** Changes that were written since there was nothing left to send. */
  #rushed = 0;
  #resting = false;

  constructor(database: Database, holdings: Holdings, clock: Clock) {
    this.#database = database;
    this.#holdings = holdings;
    this.#clock = clock;
    database.onReconnect(() => this.#pump());
  }

  /** Resolves when the change is in the database. @throws DriverError */
  submit(change: Change, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const pending = new Pending(change, (one) => this.#aborts.on(signal, () => this.#abort(one, signal)));
    this.#waiting.add(pending);
    this.#schedule();
    return pending.settled;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const pending of this.#waiting) pending.settle(closed());
    this.#waiting.clear();
    await Promise.allSettled(this.#flights);
  }

  #abort(pending: Pending, signal: AbortSignal): void {
    this.#waiting.delete(pending);
    pending.settle(this.#abortedBy(signal));
  }

  /** All that is called in one turn of the event loop goes out together; a whole transaction of it at once, so that the server has work meanwhile. */
  #schedule(): void {
    if (++this.#called >= maxChanges) {
      this.#called = 0;
      if (this.#ready) this.#launch();
    }
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#called = 0;
      this.#pump();
    });
  }

  /** Whether a transaction can be sent. */
  get #ready(): boolean {
    return !this.#resting && this.#database.connected && this.#failed.length === 0 && this.#flights.size < maxFlights;
  }

  #pump(): void {
    while (this.#ready) {
      const { size } = this.#waiting;
      // What waited for a change that failed can fail too now.
      if (this.#launch() || this.#waiting.size < size) continue;
      this.#rest();
      return;
    }
  }

  /** Sends what can be sent in one transaction. Answers whether there is any. */
  #launch(): boolean {
    const flight = this.#fill(this.#waiting);
    if (flight.changes.length === 0) return false;
    const flying = this.#fly(flight).finally(() => {
      this.#flights.delete(flying);
      this.#pump();
    });
    this.#flights.add(flying);
    return true;
  }

  /** Everything is sent: collects what comes next, if there was a rush. */
  #rest(): void {
    const sent = this.#rushed;
    this.#rushed = 0;
    if (sent < rush) return;
    this.#resting = true;
    const over = () => {
      this.#resting = false;
      this.#pump();
    };
    this.#clock.sleep(Math.min(longestRestMs, sent * restMs), this.#closing.signal).then(over, over);
  }

  /** Plans as much as fits, and takes it out of the queue. */
  #fill(queue: Set<Pending>): Flight {
    const batch = new Batch(this.#holdings);
    const changes: Pending[] = [];
    const kept = new Set<string>();
    for (const pending of queue) {
      if (changes.length >= maxChanges) break;
      const difference = this.#mustWait(pending, kept) ? undefined : this.#plan(pending, queue);
      if (difference !== undefined && batch.takes(difference)) {
        batch.add(difference);
        changes.push(pending);
        this.#busy.add(pending.change.key);
        queue.delete(pending);
      } else if (pending.over) queue.delete(pending);
      else kept.add(pending.change.key);
    }
    return { batch, changes };
  }

  #mustWait({ change: { key, needs } }: Pending, kept: ReadonlySet<string>): boolean {
    return this.#busy.has(key) || kept.has(key) || needs.some((need) => kept.has(need));
  }

  /** Undefined: it failed, or it needs what is made by a change that was called after it, or still may be. */
  #plan(pending: Pending, queue: ReadonlySet<Pending>): Difference | undefined {
    try {
      return pending.change.plan();
    } catch (err) {
      const missing = err instanceof DriverError && err.reason === "missing";
      const coming = missing && (this.#scheduled || this.#comes(pending.change, queue));
      if (!coming) pending.settle(err);
      return undefined;
    }
  }

  async #fly(flight: Flight): Promise<void> {
    const before = [...this.#flights];
    const err = await this.#write(flight);
    await Promise.all(before);
    // What was planned upon a transaction that failed may be wrong, even where the server took it.
    if (err === undefined && this.#failed.length === 0) return this.#land(flight);
    this.#failed.push(flight);
    if (this.#flights.size === 1) await this.#mend();
  }

  /** Answers what went wrong. */
  async #write({ batch, changes }: Flight): Promise<unknown> {
    const operations = batch.operations();
    if (operations.length === 0) return undefined;
    this.#rushed += changes.length;
    try {
      await this.#database.transact(operations, this.#closing.signal);
      return undefined;
    } catch (err) {
      return err;
    }
  }

  #land({ changes }: Flight, err?: unknown): void {
    for (const pending of changes) {
      this.#busy.delete(pending.change.key);
      pending.settle(err);
    }
  }

  /** Nothing is under way any more: what failed is planned anew. */
  async #mend(): Promise<void> {
    for (const { batch } of this.#failed) batch.undo(this.#database);
    await this.#again(this.#failed.flatMap(({ changes }) => changes));
    this.#failed = [];
  }

  /** Writes changes by themselves, in halves where they are refused together. */
  async #again(changes: readonly Pending[]): Promise<void> {
    for (const { change } of changes) this.#busy.delete(change.key);
    await this.#connected();
    const queue = new Set(changes.filter(({ over }) => !over));
    const flight = this.#fill(queue);
    const rest = [...queue];
    if (flight.changes.length === 0) {
      for (const pending of rest) this.#waiting.add(pending);
      return;
    }
    const err = await this.#write(flight);
    if (err === undefined) {
      this.#land(flight);
      return this.#again(rest);
    }
    flight.batch.undo(this.#database);
    await this.#apart(flight, rest, err);
  }

  async #apart(flight: Flight, rest: readonly Pending[], err: unknown): Promise<void> {
    const { changes } = flight;
    if (isLost(err)) return this.#again([...changes, ...rest]);
    if (this.#closing.signal.aborted) return this.#land({ ...flight, changes: [...changes, ...rest] }, closed());
    const half = Math.floor(changes.length / 2);
    if (half === 0) this.#land(flight, refusalOf(changes, err));
    else await this.#again(changes.slice(0, half));
    await this.#again([...changes.slice(half === 0 ? 1 : half), ...rest]);
  }

  async #connected(): Promise<void> {
    if (this.#database.connected || this.#closing.signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = this.#database.onReconnect(() => resolve());
    this.#closing.signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    stop();
  }

  #abortedBy(signal: AbortSignal): unknown {
    if (this.#database.connected) return signal.reason;
    return new DriverError("unavailable", "the network's database does not answer", { cause: signal.reason });
  }

  /** Whether all that a change lacks is made by others in the queue. */
  #comes({ needs }: Change, queue: ReadonlySet<Pending>): boolean {
    const lacking = needs.filter((key) => !this.#holdings.hasKey(key));
    return lacking.every((key) => [...queue].some(({ change }) => change.makes && change.key === key));
  }
}

function isLost(err: unknown): boolean {
  return err instanceof OvsdbError && err.reason === "disconnected";
}

function closed(): DriverError {
  return new DriverError("unavailable", "the network driver is closed");
}

function refusalOf([pending]: readonly Pending[], cause: unknown): DriverError {
  return new DriverError("refused", `the network refused ${pending?.change.key.replace("/", " ")}`, { cause });
}
