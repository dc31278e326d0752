// The hosts as the Southbound knows them: which of them have ports of which VPC, and how far each has come.
import type { Clock } from "../../../clock.ts";
import { idIn } from "./marks.ts";
import type { Database, Row, RowChange } from "./ovsdb/database.ts";

/**
 * How long a host may fall behind the others without a sign before nobody waits for it any more: a host that plugs a thousand ports at once
 * is silent for about ten seconds; a dead one is silent for ever.
 */
export const silenceMs = 15_000;
/** How often those who wait look for hosts that have fallen silent. */
const lookMs = 500;

export class Hosts {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #silenceMs: number;
  /** By VPC, how many of its ports each chassis has (by UUID). */
  readonly #ports = new Map<string, Map<string, number>>();
  /** By name, since when a host has said nothing though it was behind. */
  readonly #behind = new Map<string, number>();
  readonly #looks = new Set<() => void>();
  #target = 0;

  constructor(database: Database, clock: Clock, silence = silenceMs) {
    this.#database = database;
    this.#clock = clock;
    this.#silenceMs = silence;
    for (const row of database.rows("Port_Binding").values()) this.#count(row, 1);
    database.onChange((changes) => this.#take(changes));
  }

  /** Resolves when every live host that has a port of the VPC has come as far as a number; false: `isVain` says that none ever will. */
  async reached(vpcId: string, number: number, isVain: () => boolean, signal: AbortSignal): Promise<boolean> {
    this.#expect(number);
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const look = () => {
      if (isVain()) resolve(false);
      else if (!this.#lagging(vpcId, number)) resolve(true);
    };
    const abort = () => reject(signal.reason);
    const timer = setInterval(look, lookMs);
    this.#looks.add(look);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    else look();
    return promise.finally(() => {
      clearInterval(timer);
      this.#looks.delete(look);
      signal.removeEventListener("abort", abort);
    });
  }

  /** The names of the hosts that have ports of a VPC, or are its gateway. */
  of(vpcId: string): string[] {
    return [...(this.#ports.get(vpcId)?.keys() ?? [])].flatMap((uuid) => {
      const name = this.#database.row("Chassis", uuid)?.name;
      return typeof name === "string" ? [name] : [];
    });
  }

  #lagging(vpcId: string, number: number): boolean {
    const names = new Set(this.of(vpcId));
    if (names.size === 0) return false;
    const progress = this.#progress();
    return [...names].some((name) => (progress.get(name) ?? number) < number && !this.#isDead(name, progress));
  }

  /** How far each host is, by name. */
  #progress(): Map<string, number> {
    return new Map(
      [...this.#database.rows("Chassis_Private").values()].map((row) => [String(row.name), Number(row.nb_cfg)]),
    );
  }

  /** It has said nothing for long while others moved on. */
  #isDead(name: string, progress: ReadonlyMap<string, number>): boolean {
    const since = this.#behind.get(name);
    if (since === undefined || this.#clock.now() - since < this.#silenceMs) return false;
    const own = progress.get(name) ?? 0;
    return [...progress.values()].some((other) => other > own);
  }

  #expect(number: number): void {
    if (number === this.#target) return;
    this.#target = number;
    for (const [name, own] of this.#progress())
      if (own >= number) this.#behind.delete(name);
      else if (!this.#behind.has(name)) this.#behind.set(name, this.#clock.now());
  }

  #take(changes: readonly RowChange[]): void {
    for (const { table, before, after } of changes) {
      if (table === "Port_Binding") this.#recount(before, after);
      if (table === "Chassis_Private") this.#hear(before, after);
    }
    for (const look of this.#looks) look();
  }

  #recount(before: Row | undefined, after: Row | undefined): void {
    if (before !== undefined) this.#count(before, -1);
    if (after !== undefined) this.#count(after, 1);
  }

  #count(row: Row, by: number): void {
    const [vpcId, chassis] = [idIn(row, "photon:vpc"), row.chassis];
    if (vpcId === undefined || typeof chassis !== "string") return;
    const ports = this.#ports.get(vpcId) ?? new Map<string, number>();
    const count = (ports.get(chassis) ?? 0) + by;
    if (count > 0) ports.set(chassis, count);
    else ports.delete(chassis);
    if (ports.size > 0) this.#ports.set(vpcId, ports);
    else this.#ports.delete(vpcId);
  }

  /** A sign of life: it is no longer silent, though it may be behind. */
  #hear(before: Row | undefined, after: Row | undefined): void {
    const name = String((after ?? before)?.name);
    if (after === undefined || Number(after.nb_cfg) >= this.#target) this.#behind.delete(name);
    else this.#behind.set(name, this.#clock.now());
  }
}
