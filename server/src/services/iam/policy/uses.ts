// Which permissions are used, by whom and through which binding: noted in memory with every call that is allowed, and written now and then. A day is
// as fine as it gets, so that what is used all the time costs a look into a map. A crash loses what was first used in the last half minute.
import type { Clock } from "../../../clock.ts";
import type { Records } from "../../../store/store.ts";
import type { Decision } from "../../call.ts";

const space = "iam/uses";
const began = "iam/uses-since";
/** How often what is new is written. */
const everyMs = 30_000;
const dayMs = 86_400_000;
/** What was not used for longer than any report looks back is forgotten. */
const keptMs = 400 * dayMs;
/** Another server may have written meanwhile. */
const attempts = 10;

/** When each permission was last used through a binding by one principal, in days since 1970. */
export type LastUses = ReadonlyMap<string, number>;

export interface BindingUses {
  readonly principal: string;
  readonly permissions: LastUses;
}

export class Uses {
  readonly #records: Records;
  readonly #clock: Clock;
  /** Of the day: by principal, binding and permission. */
  #known = new Map<string, Map<string, Set<string>>>();
  #day = 0;
  /** Not written yet, by record. */
  #fresh = new Map<string, Map<string, number>>();
  #stop: AbortController | undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(records: Records, clock: Clock) {
    this.#records = records;
    this.#clock = clock;
  }

  note(principal: string, permission: string, { roleBindingId, use }: Pick<Decision, "roleBindingId" | "use">): void {
    const day = dayOf(this.#clock.now());
    if (use?.day === day) return;
    if (use !== undefined) use.day = day;
    if (day !== this.#day) this.#turn(day);
    if (this.#known.get(principal)?.get(roleBindingId)?.has(permission) === true) return;
    const bindings = entry(this.#known, principal, () => new Map<string, Set<string>>());
    entry(bindings, roleBindingId, () => new Set<string>()).add(permission);
    entry(this.#fresh, `${roleBindingId}/${principal}`, () => new Map<string, number>()).set(permission, day);
  }

  /** A new day has begun: everything is worth noting again. */
  #turn(day: number): void {
    this.#day = day;
    this.#known = new Map();
  }

  /** Through one binding, by all who used it; also what is not written yet. */
  async through(bindingId: string): Promise<readonly BindingUses[]> {
    await this.flush();
    const kept = await this.#records.list(space, `${bindingId}/`);
    return kept.map(({ key, value }) => ({ principal: key.slice(bindingId.length + 1), permissions: parsed(value) }));
  }

  /** Since when uses are noted, in milliseconds since 1970. */
  async since(): Promise<number> {
    const record = await this.#records.get(began, "since");
    return record === undefined ? this.#clock.now() : Number(new TextDecoder().decode(record.value));
  }

  /** Writes what is new. @throws what the store throws; then it is kept and written later. */
  async flush(): Promise<void> {
    const fresh = this.#fresh;
    this.#fresh = new Map();
    for (const [key, uses] of fresh)
      try {
        await this.#write(key, uses);
        fresh.delete(key);
      } catch (error) {
        this.#keep(fresh);
        throw error;
      }
  }

  #keep(unwritten: ReadonlyMap<string, ReadonlyMap<string, number>>): void {
    for (const [key, uses] of unwritten) {
      const now = entry(this.#fresh, key, () => new Map<string, number>());
      for (const [permission, day] of uses) now.set(permission, Math.max(day, now.get(permission) ?? 0));
    }
  }

  async #write(key: string, uses: ReadonlyMap<string, number>): Promise<void> {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const record = await this.#records.get(space, key);
      const all = new Map(record === undefined ? [] : parsed(record.value));
      for (const [permission, day] of uses) all.set(permission, Math.max(day, all.get(permission) ?? 0));
      const value = new TextEncoder().encode(JSON.stringify(Object.fromEntries(all)));
      const options = { expected: record?.version ?? 0, expiresAt: this.#clock.now() + keptMs };
      if (await this.#records.put(space, key, value, options)) return;
    }
    throw new Error(`the uses ${key} were changed by others ${attempts} times`);
  }

  start(onFailure: (error: unknown) => void = () => undefined): void {
    if (this.#stop !== undefined) return;
    const stop = new AbortController();
    this.#stop = stop;
    this.#loop = this.#run(stop.signal, onFailure);
  }

  async stop(): Promise<void> {
    this.#stop?.abort();
    await this.#loop;
    this.#stop = undefined;
  }

  async #run(signal: AbortSignal, onFailure: (error: unknown) => void): Promise<void> {
    const value = new TextEncoder().encode(String(this.#clock.now()));
    await this.#records.put(began, "since", value, { expected: 0 }).catch(onFailure);
    while (!signal.aborted) {
      await this.#clock.sleep(everyMs, signal);
      await this.flush().catch(onFailure);
    }
  }
}

export function dayOf(time: number): number {
  return Math.floor(time / dayMs);
}

/** The beginning of a day, in milliseconds since 1970. */
export function msOf(day: number): number {
  return day * dayMs;
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  const there = map.get(key);
  if (there !== undefined) return there;
  const made = make();
  map.set(key, made);
  return made;
}

function parsed(value: Uint8Array): Map<string, number> {
  const stored: unknown = JSON.parse(new TextDecoder().decode(value));
  const entries = Object.entries(typeof stored === "object" && stored !== null ? stored : {});
  return new Map(entries.filter((one): one is [string, number] => typeof one[1] === "number"));
}
