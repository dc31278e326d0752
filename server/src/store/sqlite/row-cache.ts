// Rows that were read, for a file that this process alone writes to. A row that is being written is read from the file until that write has
// ended, so that nobody who has seen a commit's events, or was told of it, meets the row as it was before.
import type { StampedRow } from "../read/rows.ts";
import { keyString } from "../sql/key.ts";
import type { ResourceKey } from "../store.ts";
import type { Plan } from "../write/plan.ts";

/** What many resources stand on (a project, a network, a group) is read again and again; the rest goes in the order in which it came. */
const mostRows = 4_096;
/** A larger row is rare, and so many of them would be felt. */
const mostBytes = 16_384;

export class RowCache {
  /** Also what is not there: a reference is looked for in several tenants. */
  readonly #rows = new Map<string, StampedRow | undefined>();
  /** How many writes of a key are under way. */
  readonly #writing = new Map<string, number>();

  /** @param read reads the file, at once */
  get(key: ResourceKey, read: (key: ResourceKey) => StampedRow | undefined): StampedRow | undefined {
    const name = keyString(key);
    if (this.#writing.has(name)) return read(key);
    const there = this.#rows.get(name);
    if (there !== undefined || this.#rows.has(name)) return there;
    const row = read(key);
    this.#keep(name, row);
    return row;
  }

  /** A write is about to be asked for. Answers what to call when it has ended, however that was. */
  begin({ changes }: Pick<Plan, "changes">): () => void {
    const names = changes.map(({ key }) => keyString(key));
    for (const name of names) {
      this.#rows.delete(name);
      this.#writing.set(name, (this.#writing.get(name) ?? 0) + 1);
    }
    return () => {
      for (const name of names) this.#end(name);
    };
  }

  #end(name: string): void {
    const left = (this.#writing.get(name) ?? 1) - 1;
    if (left === 0) this.#writing.delete(name);
    else this.#writing.set(name, left);
  }

  #keep(name: string, row: StampedRow | undefined): void {
    if (row !== undefined && row.row.data.length + row.row.observed.length > mostBytes) return;
    const oldest = this.#rows.size >= mostRows ? this.#rows.keys().next().value : undefined;
    if (oldest !== undefined) this.#rows.delete(oldest);
    this.#rows.set(name, row);
  }
}
