// The tasks that this engine holds: prolongs their leases, lets go of those that were lost, tells the operator of those that take too long.
import type { Clock } from "../clock.ts";
import type { ResourceKey, Store, Task } from "../store/store.ts";
import type { EngineLog } from "./hooks.ts";
import type { Held } from "./task.ts";

interface Lease extends Held {
  readonly controller: AbortController;
  /** Until when no other worker can have it. */
  until: number;
}

/** A task with the time at which it was leased. */
export interface Leased {
  readonly task: Task;
  readonly at: number;
}

export interface LeaseOptions {
  readonly store: Pick<Store, "renew">;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly log: EngineLog;
  /** Called at each look at a task that is still held, so that a step that hangs is noticed too. */
  readonly look: (task: Task) => void;
}

export class Leases {
  readonly #options: LeaseOptions;
  readonly #held = new Map<string, Lease>();
  readonly #next = new Map<string, Leased>();

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#held.size;
  }

  /**
   * Takes a task in, leased at `at`. Undefined: a run of it has not ended here (it was settled this moment and woken again, or its lease was
   * lost and got again); `drop` of that run answers this one.
   */
  hold(task: Task, at: number): Held | undefined {
    const name = nameOf(task.key);
    if (this.#held.has(name)) {
      this.#next.set(name, { task, at });
      return undefined;
    }
    const controller = new AbortController();
    const lease = { task, controller, signal: controller.signal, lost: false, until: at + this.#options.leaseMs };
    this.#held.set(name, lease);
    return lease;
  }

  /** Ends a run. Answers what was leased meanwhile for the same resource, to be held now. */
  drop(held: Held): Leased | undefined {
    const name = nameOf(held.task.key);
    const next = this.#next.get(name);
    this.#held.delete(name);
    this.#next.delete(name);
    return next;
  }

  /** Asks every step to end, so that its task can be given back. */
  abortAll(): void {
    for (const lease of this.#held.values()) lease.controller.abort();
  }

  /** Prolongs leases in good time, until the signal. */
  async keep(signal: AbortSignal): Promise<void> {
    const everyMs = this.#options.leaseMs / 3;
    while (!signal.aborted) {
      await this.#options.clock.sleep(everyMs, signal);
      if (!signal.aborted) await this.#renew();
    }
  }

  async #renew(): Promise<void> {
    const { store, clock, leaseMs, log, look } = this.#options;
    const asked = clock.now();
    const aging = [...this.#held.values()].filter((lease) => !lease.lost && lease.until - asked < leaseMs * 0.8);
    if (aging.length === 0) return;
    for (const { task } of aging) look(task);
    try {
      const kept = await store.renew(
        aging.map((lease) => lease.task),
        leaseMs,
      );
      this.#extend(aging, kept, asked + leaseMs);
    } catch (error) {
      log.warn({ err: error }, "leases could not be prolonged");
      const nextLook = clock.now() + leaseMs / 3;
      for (const lease of aging) if (lease.until <= nextLook) lose(lease);
    }
  }

  #extend(asked: readonly Lease[], kept: readonly Task[], until: number): void {
    const byName = new Map(kept.map((task) => [nameOf(task.key), task]));
    for (const lease of asked) {
      const task = byName.get(nameOf(lease.task.key));
      if (task !== undefined) Object.assign(lease, { task, until });
      // It may have been settled while the store answered.
      else if (this.#held.get(nameOf(lease.task.key)) === lease) lose(lease);
    }
  }
}

function lose(lease: Lease): void {
  lease.lost = true;
  lease.controller.abort();
}

function nameOf({ kind, tenant, id }: ResourceKey): string {
  return JSON.stringify([kind, tenant.org, tenant.project, id]);
}
