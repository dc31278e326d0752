// Keeps a service running in each subnet that is wanted, and none elsewhere; a few are started or stopped at a time.
import type { Clock } from "../../clock.ts";
import type { AgentLog } from "../log.ts";
import type { ServedSubnet } from "./served-subnet.ts";
import type { SubnetService } from "./subnet-service.ts";

export interface KeeperParts {
  readonly start: (subnet: ServedSubnet, signal: AbortSignal) => Promise<SubnetService>;
  readonly clock: Clock;
  readonly log: AgentLog;
}

/** How many are started or stopped at a time: each start runs a few programs, and a host has few processors to spare. */
const mostAtOnce = 4;
/** How long until a start that failed is tried again, in milliseconds. */
const againMs = 1_000;

const isSame = (a: ServedSubnet | undefined, b: ServedSubnet | undefined) => JSON.stringify(a) === JSON.stringify(b);

export class ServiceKeeper {
  readonly #parts: KeeperParts;
  #wanted: ReadonlyMap<string, ServedSubnet> = new Map();
  readonly #running = new Map<string, SubnetService>();
  /** Subnets to look at; those in work or waiting for their next try are looked at after that. */
  readonly #due = new Set<string>();
  readonly #busy = new Map<string, Promise<void>>();
  readonly #resting = new Set<string>();
  readonly #stopping = new AbortController();

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  /** Says which subnets are to be served from now on. */
  want(subnets: ReadonlyMap<string, ServedSubnet>): void {
    if (this.#stopping.signal.aborted) return;
    const before = this.#wanted;
    this.#wanted = subnets;
    for (const id of new Set([...before.keys(), ...subnets.keys()]))
      if (!isSame(before.get(id), subnets.get(id))) this.#due.add(id);
    this.#work();
  }

  /** What runs now. */
  running(): readonly SubnetService[] {
    return [...this.#running.values()];
  }

  /** Stops a service that does not work any more, and starts it anew if it is wanted still. */
  renew(service: SubnetService): void {
    const { subnetId } = service.subnet.place;
    if (this.#running.get(subnetId) !== service || this.#busy.has(subnetId)) return;
    this.#running.delete(subnetId);
    this.#due.add(subnetId);
    this.#begin(subnetId, service.stop());
  }

  /** Stops all of them. */
  async stop(): Promise<void> {
    this.want(new Map());
    this.#stopping.abort();
    while (this.#busy.size > 0) await Promise.all(this.#busy.values());
  }

  #work(): void {
    for (const id of this.#due) {
      if (this.#busy.size >= mostAtOnce) return;
      if (this.#busy.has(id) || this.#resting.has(id)) continue;
      this.#due.delete(id);
      this.#begin(id, this.#settle(id));
    }
  }

  #begin(id: string, work: Promise<void>): void {
    const done = work.catch((err: unknown) => this.#failed(id, err));
    const over = done.finally(() => {
      this.#busy.delete(id);
      this.#work();
    });
    this.#busy.set(id, over);
  }

  #failed(id: string, err: unknown): void {
    this.#due.add(id);
    if (this.#stopping.signal.aborted) return;
    this.#parts.log.warn({ err, subnet: id }, "a subnet's names and metadata can't be served yet; trying again");
    this.#resting.add(id);
    void this.#parts.clock.sleep(againMs, this.#stopping.signal).then(() => {
      this.#resting.delete(id);
      this.#work();
    });
  }

  /** Brings one subnet to what is wanted now. */
  async #settle(id: string): Promise<void> {
    const [running, wanted] = [this.#running.get(id), this.#wanted.get(id)];
    if (isSame(running?.subnet, wanted)) return;
    this.#running.delete(id);
    await running?.stop();
    if (wanted !== undefined) this.#running.set(id, await this.#parts.start(wanted, this.#stopping.signal));
  }
}
