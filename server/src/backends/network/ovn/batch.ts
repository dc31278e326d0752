// Several differences as one transaction. A row that is made and changed in it is written once, and all that comes into a set in one operation.
import { type Difference, holdsNothing, type Move, type RowName } from "./difference.ts";
import type { Holdings } from "./holdings.ts";
import { homesOf } from "./mapping/members.ts";
import type { Membership, Table } from "./mapping/row.ts";
import type { Database, Operation, Row, Value } from "./ovsdb/database.ts";

interface Written {
  readonly table: Table;
  readonly row: Record<string, Value>;
}

interface MovedSet {
  readonly set: Membership;
  readonly in: Set<string>;
  readonly out: Set<string>;
}

export class Batch {
  readonly #holdings: Holdings;
  readonly #inserts = new Map<string, Written>();
  readonly #updates = new Map<string, Written>();
  /** By the UUID of the row that has them. */
  readonly #moves = new Map<string, MovedSet[]>();
  readonly #gone = new Map<string, Table>();

  /** @param holdings are told of what is added, before it happens */
  constructor(holdings: Holdings) {
    this.#holdings = holdings;
  }

  /** Whether a difference can go into the same transaction: a UUID can't go and come in one. */
  takes({ inserts, deletes }: Difference): boolean {
    return !inserts.some(({ uuid }) => this.#gone.has(uuid)) && !deletes.some(({ uuid }) => this.#inserts.has(uuid));
  }

  add({ inserts, updates, joins, leaves, deletes }: Difference): void {
    for (const { table, uuid, columns } of inserts) this.#insert(table, uuid, columns);
    for (const { table, uuid, columns } of updates) this.#update(table, uuid, columns);
    for (const move of joins) this.#join(move);
    for (const move of leaves) this.#leave(move);
    for (const name of deletes) this.#delete(name);
  }

  #insert(table: Table, uuid: string, columns: Row): void {
    this.#inserts.set(uuid, { table, row: withoutEmpty(columns) });
    this.#holdings.put(table, uuid, columns);
  }

  #update(table: Table, uuid: string, columns: Row): void {
    const written = this.#inserts.get(uuid) ?? this.#updates.get(uuid);
    if (written === undefined) this.#updates.set(uuid, { table, row: { ...columns } });
    else Object.assign(written.row, columns);
    this.#holdings.put(table, uuid, { ...this.#holdings.row(uuid)?.row, ...columns });
  }

  #join({ member, set }: Move): void {
    const moved = this.#movedOf(set);
    moved.out.delete(member);
    moved.in.add(member);
    this.#holdings.memberships.join(member, moved.set);
  }

  #leave({ member, set }: Move): void {
    const moved = this.#movedOf(set);
    moved.in.delete(member);
    moved.out.add(member);
    this.#holdings.memberships.leave(member, set.uuid);
  }

  #delete({ table, uuid }: RowName): void {
    for (const set of this.#holdings.memberships.of(uuid)) this.#leave({ member: uuid, set });
    this.#updates.delete(uuid);
    this.#gone.set(uuid, table);
    this.#holdings.put(table, uuid, undefined);
  }

  #movedOf(set: Membership): MovedSet {
    const ofRow = this.#moves.get(set.uuid);
    const there = ofRow?.find((moved) => moved.set.column === set.column);
    if (there !== undefined) return there;
    const moved = { set, in: new Set<string>(), out: new Set<string>() };
    if (ofRow === undefined) this.#moves.set(set.uuid, [moved]);
    else ofRow.push(moved);
    return moved;
  }

  operations(): readonly Operation[] {
    const operations: Operation[] = [];
    this.#fillNewSets();
    for (const [uuid, { table, row }] of this.#inserts) operations.push({ op: "insert", table, uuid, row });
    for (const [uuid, { table, row }] of this.#updates) operations.push({ op: "update", table, uuid, row });
    for (const moved of this.#moves.values()) operations.push(...moved.flatMap((one) => this.#mutationOf(one)));
    // What lives in sets goes by leaving them: the server takes what is in none.
    for (const [uuid, table] of this.#gone) if (isRoot(table)) operations.push({ op: "delete", table, uuid });
    return operations;
  }

  #fillNewSets(): void {
    for (const [uuid, moves] of this.#moves) {
      const parent = this.#inserts.get(uuid);
      if (parent !== undefined) for (const { set, in: members } of moves) parent.row[set.column] = members;
    }
  }

  #mutationOf({ set, in: members, out }: MovedSet): Operation[] {
    if (this.#inserts.has(set.uuid) || this.#gone.has(set.uuid)) return [];
    return [
      { op: "mutate", ...set, ...(members.size > 0 && { insert: members }), ...(out.size > 0 && { remove: out }) },
    ];
  }

  /** It did not happen: the holdings are as the copy says. */
  undo(copy: Database): void {
    for (const [uuid, { table }] of [...this.#inserts, ...this.#updates]) this.#reset(copy, table, uuid);
    for (const [uuid, table] of this.#gone) this.#reset(copy, table, uuid);
    for (const { set, in: members, out } of [...this.#moves.values()].flat()) {
      const held = copy.row(set.table, set.uuid)?.[set.column];
      for (const member of [...members, ...out]) {
        if (held instanceof Set && held.has(member)) this.#holdings.memberships.join(member, set);
        else this.#holdings.memberships.leave(member, set.uuid);
      }
    }
  }

  #reset(copy: Database, table: Table, uuid: string): void {
    this.#holdings.put(table, uuid, copy.row(table, uuid));
  }
}

/** What a new row has anyway need not be sent. A plain loop: each row passes here, and a list of its entries costs five times as much. */
function withoutEmpty(columns: Row): Record<string, Value> {
  const row: Record<string, Value> = {};
  for (const name in columns) if (!holdsNothing(columns[name])) row[name] = columns[name];
  return row;
}

function isRoot(table: Table): boolean {
  return homesOf(table).length === 0;
}
