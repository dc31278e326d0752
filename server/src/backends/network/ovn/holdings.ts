// What the Northbound holds of ours, by object. It is told every change of the copy, and runs ahead of it by what is on its way there, so
// that the next transaction can be planned before the last one is answered.
import type { NetworkObjectId } from "../driver.ts";
import { keyOf } from "../topology.ts";
import type { Table, View } from "./mapping/row.ts";
import { rowUuid } from "./mapping/uuids.ts";
import { idIn, type Mark, markOf, objectOf } from "./marks.ts";
import { Memberships } from "./memberships.ts";
import { Multimap } from "./multimap.ts";
import type { Row } from "./ovsdb/database.ts";
import { sameValue } from "./ovsdb/values.ts";

export interface Held {
  readonly table: Table;
  readonly uuid: string;
  readonly row: Row;
  /** Undefined: it is somebody else's, or has lost its mark. */
  readonly mark: Mark | undefined;
}

export class Holdings implements View {
  readonly memberships = new Memberships();
  readonly hasColumn: View["hasColumn"];
  readonly #rows = new Map<string, Held>();
  readonly #objects = new Multimap();
  readonly #users = new Multimap();
  /** By table and by the name of an id; each is made when it is first asked for. */
  readonly #byId = new Map<Table, Map<string, Multimap>>();
  /** By key, the UUIDs of main rows that were asked for and found: hashes cost more than look-ups. */
  readonly #mains = new Map<string, string>();

  /** `hasColumn`: what the server's schema has. */
  constructor(hasColumn: View["hasColumn"]) {
    this.hasColumn = hasColumn;
  }

  has(object: NetworkObjectId): boolean {
    return this.mainOf(object) !== undefined;
  }

  hasKey(key: string): boolean {
    if (this.#mains.has(key)) return true;
    const object = objectOf(key);
    return object !== undefined && this.has(object);
  }

  /** The row that says that the object is there. */
  mainOf(object: NetworkObjectId): Held | undefined {
    const key = keyOf(object);
    const held = this.#rows.get(this.#mains.get(key) ?? rowUuid(object));
    if (held?.mark?.key !== key) return undefined;
    this.#mains.set(key, held.uuid);
    return held;
  }

  row(uuid: string): Held | undefined {
    return this.#rows.get(uuid);
  }

  rows(): Iterable<Held> {
    return this.#rows.values();
  }

  /** The keys of the objects of which there is any row. */
  keys(): Iterable<string> {
    return this.#objects.keys();
  }

  hasRowOf(key: string): boolean {
    return this.#objects.has(key);
  }

  /** The UUIDs of an object's rows. */
  rowsOf(key: string): ReadonlySet<string> {
    return this.#objects.get(key);
  }

  /** The keys of the objects that stand on one. */
  usersOf(key: string): ReadonlySet<string> {
    return this.#users.get(key);
  }

  rowsWith(table: Table, name: string, value: string): readonly Held[] {
    const rows: Held[] = [];
    for (const uuid of this.#indexOf(table, name).get(value)) {
      const held = this.#rows.get(uuid);
      if (held !== undefined) rows.push(held);
    }
    return rows;
  }

  /** A row is so from now on; undefined: it is gone. */
  put(table: Table, uuid: string, row: Row | undefined): void {
    const before = this.#rows.get(uuid);
    if (before !== undefined && row !== undefined && sameValue(before.row.external_ids, row.external_ids)) {
      this.#rows.set(uuid, { table, uuid, row, mark: before.mark });
      return;
    }
    if (before !== undefined) this.#forget(before);
    if (row !== undefined) this.#learn({ table, uuid, row, mark: markOf(row) });
  }

  #learn(held: Held): void {
    this.#rows.set(held.uuid, held);
    if (held.mark === undefined) return;
    for (const [name, index] of this.#byId.get(held.table) ?? []) index.add(idIn(held.row, name) ?? "", held.uuid);
    const { key, on } = held.mark;
    if (key === undefined) return;
    this.#objects.add(key, held.uuid);
    for (const base of on ?? []) this.#users.add(base, key);
  }

  #forget(held: Held): void {
    this.#rows.delete(held.uuid);
    if (held.mark === undefined) return;
    for (const [name, index] of this.#byId.get(held.table) ?? []) index.delete(idIn(held.row, name) ?? "", held.uuid);
    const { key, on } = held.mark;
    if (key === undefined) return;
    this.#objects.delete(key, held.uuid);
    if (this.#mains.get(key) === held.uuid) this.#mains.delete(key);
    for (const base of on ?? []) this.#users.delete(base, key);
  }

  #indexOf(table: Table, name: string): Multimap {
    const ofTable = this.#byId.get(table) ?? new Map<string, Multimap>();
    this.#byId.set(table, ofTable);
    const there = ofTable.get(name);
    if (there !== undefined) return there;
    const index = new Multimap();
    ofTable.set(name, index);
    for (const held of this.#rows.values())
      if (held.table === table && held.mark !== undefined) index.add(idIn(held.row, name) ?? "", held.uuid);
    return index;
  }
}
