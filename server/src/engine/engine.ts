// The engine: takes due tasks from the store and makes resources as they should be. Knows no component and no protocol.
import { type Clock, systemClock } from "../clock.ts";
import type { Store, Task } from "../store/store.ts";
import { Bell } from "./bell.ts";
import { checkKinds } from "./check-kinds.ts";
import { Deadlines } from "./deadlines.ts";
import type { EngineLog, EngineMetrics } from "./hooks.ts";
import type { EngineKind } from "./kind.ts";
import { Lanes } from "./lanes.ts";
import { Leases } from "./leases.ts";
import { levelsOf } from "./levels.ts";
import { resyncForever } from "./resync.ts";
import { type Held, perform, said, type TaskBench } from "./task.ts";

export interface EngineOptions<Drivers> {
  readonly store: Store;
  /** Only tasks of these kinds are taken. */
  readonly kinds: readonly EngineKind<Drivers>[];
  readonly drivers: Drivers;
  readonly clock: Clock;
  /** A number in [0, 1), for jitter alone. */
  readonly random: () => number;
  /** Names this process among the replicas, for the operator. */
  readonly owner: string;
  readonly log: EngineLog;
  readonly metrics?: EngineMetrics;
  /** How many tasks run at the same time that take much of a host; default 64. */
  readonly concurrency?: number;
  /** How many tasks of light kinds run beside them; default 512. */
  readonly lightConcurrency?: number;
  /** After this without renewal another worker takes a task over; default 15 seconds. */
  readonly leaseMs?: number;
  /** How long `stop` lets running steps finish before it asks them to end; default 5 seconds. */
  readonly stopMs?: number;
  /** Looks at everything once at the start, what others stand on first: for backends that forget when the process ends. Default false. */
  readonly resyncAtStart?: boolean;
}

export interface Engine {
  start(): void;
  /** Takes no more tasks, lets running ones finish or gives them back. */
  stop(): Promise<void>;
  /** Looks for due tasks now. Commits of the store wake it without this. */
  wake(): void;
  /** Schedules everything of a kind, or of all kinds, at once. Answers how many. */
  resync(kind?: string): Promise<number>;
}

/** The longest wait between two looks for due tasks: bounds how long a dead replica's tasks lie after their leases ran out. */
const longestIdleMs = 5_000;
/** The wait when due tasks are there that this engine can't take. */
const notOursMs = 250;
/** The wait when the store does not answer. */
const troubleMs = 1_000;

/**
 * Makes an engine; it does nothing until started.
 *
 * @throws Error if a kind's reconciler names a step twice, or a reference that the kind does not have.
 */
export function createEngine<Drivers>(options: EngineOptions<Drivers>): Engine {
  checkKinds(options.kinds);
  return new TaskEngine(options);
}

class TaskEngine<Drivers> implements Engine {
  readonly #options: EngineOptions<Drivers>;
  readonly #bench: TaskBench<Drivers>;
  readonly #lanes: Lanes;
  readonly #leaseMs: number;
  readonly #leases: Leases;
  readonly #deadlines: Deadlines<Drivers>;
  readonly #bell = new Bell();
  readonly #running = new Set<Promise<void>>();
  /** Aborts when no more tasks are to be taken. */
  readonly #closing = new AbortController();
  /** Aborts when everything has ended. */
  readonly #ended = new AbortController();
  /** The kinds that a resync at the start has still to schedule. */
  #levels: readonly (readonly string[])[];
  #loops: Promise<unknown> = Promise.resolve();
  #leaseLoop: Promise<void> = Promise.resolve();
  #unsubscribe: () => void = () => {};

  constructor(options: EngineOptions<Drivers>) {
    const { store, drivers, clock, random, log, metrics = {} } = options;
    const kinds = new Map(options.kinds.map((kind) => [kind.schema.typeName, kind]));
    this.#options = options;
    this.#bench = { store, drivers, clock, random, log, metrics, kinds };
    this.#lanes = new Lanes(options.kinds, {
      heavy: options.concurrency ?? 64,
      light: options.lightConcurrency ?? 512,
    });
    this.#levels = options.resyncAtStart ? levelsOf(options.kinds.filter((kind) => kind.reconciler !== undefined)) : [];
    this.#leaseMs = options.leaseMs ?? 15_000;
    this.#deadlines = new Deadlines(this.#bench);
    const look = (task: Task) => this.#deadlines.check(task);
    this.#leases = new Leases({ store, clock, log, leaseMs: this.#leaseMs, look });
  }

  start(): void {
    const { store, kinds, clock, random, log } = this.#options;
    this.#unsubscribe = store.onCommit(() => this.#bell.ring());
    this.#leaseLoop = this.#leases.keep(this.#ended.signal);
    const resyncs = kinds
      .filter((kind) => kind.reconciler !== undefined)
      .map((kind) => resyncForever({ store, clock, random, log }, kind, this.#closing.signal));
    this.#loops = Promise.all([this.#takeForever(), ...resyncs]);
  }

  wake(): void {
    this.#bell.ring();
  }

  async resync(kind?: string): Promise<number> {
    const names = kind === undefined ? [...this.#bench.kinds.keys()] : [kind];
    const counts = await Promise.all(names.map((name) => this.#options.store.scheduleAll(name, 0)));
    this.#bell.ring();
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async stop(): Promise<void> {
    this.#closing.abort();
    this.#unsubscribe();
    this.#bell.ring();
    await this.#loops;
    const idle = new AbortController();
    const finished = Promise.all(this.#running).then(() => idle.abort());
    // Real time, also where a test holds the clock: a driver that sleeps by that clock must not keep the engine from stopping.
    await systemClock.sleep(this.#running.size === 0 ? 0 : (this.#options.stopMs ?? 5_000), idle.signal);
    this.#leases.abortAll();
    await finished;
    this.#ended.abort();
    await this.#leaseLoop;
  }

  async #takeForever(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        const idleMs = await this.#takeDue();
        if (!(await this.#beginNextLevel())) await this.#bell.wait(idleMs, this.#options.clock);
      } catch (error) {
        this.#options.log.warn({ err: error }, "the store did not give out tasks");
        await this.#options.clock.sleep(troubleMs, this.#closing.signal);
      }
    }
  }

  /** Of a resync at the start: the next kinds, once nothing runs any more. */
  async #beginNextLevel(): Promise<boolean> {
    const [level] = this.#levels;
    if (level === undefined || this.#leases.size > 0 || this.#closing.signal.aborted) return false;
    await Promise.all(level.map((kind) => this.resync(kind)));
    this.#levels = this.#levels.slice(1);
    return true;
  }

  /** Starts what is due, as far as there is room. Answers how long to wait, in milliseconds. */
  async #takeDue(): Promise<number> {
    const { store, clock, owner } = this.#options;
    for (let rooms = this.#lanes.rooms(); rooms.length > 0; rooms = this.#lanes.rooms()) {
      if (this.#closing.signal.aborted) break;
      const due = await store.nextDue();
      const now = clock.now();
      if (due === undefined || due > now) return Math.min(longestIdleMs, (due ?? Infinity) - now);
      this.#bench.metrics.lag?.(now - due);
      const leased = rooms.map((room) => store.lease({ owner, ...room, leaseMs: this.#leaseMs }));
      const tasks = (await Promise.all(leased)).flat();
      for (const task of tasks) this.#begin(task, now);
      if (tasks.length === 0) return notOursMs;
    }
    return longestIdleMs;
  }

  #begin(task: Task, leasedAt: number): void {
    const held = this.#leases.hold(task, leasedAt);
    if (held === undefined) return;
    const leave = this.#lanes.enter(task.key.kind);
    this.#bench.metrics.active?.(this.#leases.size);
    const running = this.#perform(held)
      .catch((error: unknown) => this.#options.log.error({ ...said(task.key), err: error }, "the engine has a defect"))
      .finally(() => {
        leave();
        const next = this.#leases.drop(held);
        if (next !== undefined) this.#begin(next.task, next.at);
        this.#running.delete(running);
        this.#bench.metrics.active?.(this.#leases.size);
        this.#bell.ring();
      });
    this.#running.add(running);
  }

  async #perform(held: Held): Promise<void> {
    const settled = await perform(this.#bench, held);
    if (settled === undefined) return;
    if (settled.at === undefined) this.#deadlines.forget(held.task);
    else this.#deadlines.check(held.task);
  }
}
