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

/** How far each host is, by name. */
type Progress = ReadonlyMap<string, number>;

export class Hosts {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #silenceMs: number;
  /** By VPC, how many of its ports each chassis has (by UUID). */
  readonly #ports = new Map<string, Map<string, number>>();
  /** By name, since when a host has said nothing though it was behind. */
  readonly #behind = new Map<string, number>();
  /** Those who wait. */
  readonly #looks = new Set<(progress: Progress) => void>();
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
    const look = (progress: Progress) => {
      if (isVain()) resolve(false);
      else if (!this.#lags(vpcId, number, progress)) resolve(true);
    };
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    this.#looks.add(look);
    if (this.#looks.size === 1) void this.#lookAgain();
    if (signal.aborted) abort();
    else look(this.#progress());
    return promise.finally(() => {
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

  /** As long as somebody waits: that a host is silent is no event. */
  async #lookAgain(): Promise<void> {
    while (this.#looks.size > 0) {
      await this.#clock.sleep(lookMs);
      this.#look();
    }
  }

  #look(): void {
    if (this.#looks.size === 0) return;
    const progress = this.#progress();
    for (const look of this.#looks) look(progress);
  }

  #lags(vpcId: string, number: number, progress: Progress): boolean {
    return this.of(vpcId).some((name) => (progress.get(name) ?? number) < number && !this.#isDead(name, progress));
  }

  #progress(): Progress {
    return new Map(
      [...this.#database.rows("Chassis_Private").values()].map((row) => [String(row.name), Number(row.nb_cfg)]),
    );
  }

  /** It has said nothing for long while others moved on. */
  #isDead(name: string, progress: Progress): boolean {
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
    this.#look();
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
