// Keeps a service running in each subnet that is wanted, a few at a time, and none elsewhere.
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

const sameSubnet = (a: ServedSubnet | undefined, b: ServedSubnet | undefined) =>
  JSON.stringify(a) === JSON.stringify(b);

export class ServiceKeeper {
  readonly #parts: KeeperParts;
  #wanted: ReadonlyMap<string, ServedSubnet> = new Map();
  readonly #running = new Map<string, SubnetService>();
  readonly #dirty = new Set<string>();
  readonly #busy = new Map<string, Promise<void>>();
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
      if (!sameSubnet(before.get(id), subnets.get(id))) this.#dirty.add(id);
    this.#pump();
  }

  /** What runs now. */
  running(): readonly SubnetService[] {
    return [...this.#running.values()];
  }

  /** Stops one and starts it anew, if it is wanted still. */
  async restart(subnetId: string): Promise<void> {
    const service = this.#running.get(subnetId);
    if (service === undefined || this.#busy.has(subnetId)) return;
    this.#running.delete(subnetId);
    this.#begin(subnetId, () => service.stop());
    await this.#busy.get(subnetId);
  }

  /** Stops all of them. */
  async stop(): Promise<void> {
    this.want(new Map());
    this.#stopping.abort();
    while (this.#busy.size > 0) await Promise.all(this.#busy.values());
  }

  #pump(): void {
    for (const id of this.#dirty) {
      if (this.#busy.size >= mostAtOnce) return;
      if (this.#busy.has(id)) continue;
      this.#dirty.delete(id);
      this.#begin(id, () => this.#settle(id));
    }
  }

  #begin(id: string, work: () => Promise<void>): void {
    const done = work()
      .catch((err: unknown) => {
        this.#parts.log.warn({ err, subnet: id }, "a subnet's names and metadata can't be served; trying again");
        void this.#again(id);
      })
      .finally(() => {
        this.#busy.delete(id);
        if (!sameSubnet(this.#running.get(id)?.subnet, this.#wanted.get(id)) && !this.#waiting.has(id))
          this.#dirty.add(id);
        this.#pump();
      });
    this.#busy.set(id, done);
  }

  readonly #waiting = new Set<string>();

  async #again(id: string): Promise<void> {
    this.#waiting.add(id);
    await this.#parts.clock.sleep(againMs, this.#stopping.signal);
    this.#waiting.delete(id);
    this.#dirty.add(id);
    this.#pump();
  }

  /** Brings one subnet to what is wanted now. */
  async #settle(id: string): Promise<void> {
    const [running, wanted] = [this.#running.get(id), this.#wanted.get(id)];
    if (sameSubnet(running?.subnet, wanted)) return;
    if (running !== undefined) {
      this.#running.delete(id);
      await running.stop();
    }
    if (wanted !== undefined) this.#running.set(id, await this.#parts.start(wanted, this.#stopping.signal));
  }
}
