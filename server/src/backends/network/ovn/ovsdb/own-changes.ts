// Tells this client's own changes from others'. The update for a transaction arrives before its answer, but names no author: a change is
// ours if a transaction under way touches that row and those columns, or if it follows from such a change (children go with their parent,
// references to a row that goes are cleared).
import type { Operation, Row, RowChange, Value } from "./database.ts";
import { type Change, changedColumns } from "./replica.ts";

const nothing: readonly Operation[] = [];

export class OwnChanges {
  /** The operations under way by the UUID of their row; increments by their table. */
  readonly #underWay = new Map<string, Operation[]>();

  begin(operations: readonly Operation[]): void {
    for (const operation of operations) {
      const key = keyOf(operation);
      const others = this.#underWay.get(key);
      if (others === undefined) this.#underWay.set(key, [operation]);
      else others.push(operation);
    }
  }

  end(operations: readonly Operation[]): void {
    for (const operation of operations) {
      const key = keyOf(operation);
      const others = this.#underWay.get(key) ?? nothing;
      const place = others.indexOf(operation);
      if (others.length === 1 && place === 0) this.#underWay.delete(key);
      else if (place >= 0) this.#underWay.set(key, others.toSpliced(place, 1));
    }
  }

  /** The row of an insert that is under way. */
  inserted(uuid: string): Row | undefined {
    const [operation] = this.#underWay.get(uuid) ?? nothing;
    return operation?.op === "insert" ? operation.row : undefined;
  }

  /** @param changes of one update */
  mark(changes: readonly Change[]): RowChange[] {
    if (this.#underWay.size === 0) return changes.map((change) => ({ ...change, own: false }));
    // Mostly all of an update is of one transaction.
    if (changes.every((change) => this.#touches(change))) return changes.map((change) => ({ ...change, own: true }));
    const own = new Set(changes.filter((change) => this.#touches(change)));
    if (own.size > 0) this.#follow(changes, own);
    return changes.map((change) => ({ ...change, own: own.has(change) }));
  }

  #touches({ table, uuid, before, after }: Change): boolean {
    if (before === undefined) return this.#has(uuid, ({ op }) => op === "insert");
    if (after === undefined) return this.#has(uuid, ({ op }) => op === "delete");
    if (!this.#underWay.has(uuid) && !this.#underWay.has(table)) return false;
    return changedColumns(before, after).every((column) => {
      const writesIt = (operation: Operation) => writes(operation, column);
      return this.#has(uuid, writesIt) || this.#has(table, writesIt);
    });
  }

  #has(key: string, does: (operation: Operation) => boolean): boolean {
    for (const operation of this.#underWay.get(key) ?? nothing) if (does(operation)) return true;
    return false;
  }

  /** Adds what follows from our changes. */
  #follow(changes: readonly Change[], own: Set<Change>): void {
    const gone = new Map<Value, Change>(
      changes.filter(({ after }) => after === undefined).map((change) => [change.uuid, change]),
    );
    for (const change of own)
      for (const uuid of lost(change)) {
        const child = gone.get(uuid);
        // A set takes members while it is walked, and walks them too.
        if (child !== undefined) own.add(child);
      }
    const ownGone = new Set([...own].filter(({ after }) => after === undefined).map(({ uuid }) => uuid));
    if (ownGone.size === 0) return;
    for (const change of changes) if (onlyLost(change, ownGone)) own.add(change);
  }
}

function keyOf(operation: Operation): string {
  return operation.op === "increment" ? operation.table : operation.uuid;
}

function writes(operation: Operation, column: string): boolean {
  switch (operation.op) {
    case "insert":
    case "update":
      return column in operation.row;
    case "mutate":
    case "increment":
      return operation.column === column;
    case "delete":
    case "expect":
      return false;
  }
}

/** What a row no longer names after a change. */
function lost({ before, after, moved }: Change): Set<Value> {
  if (before === undefined) return new Set();
  const names = after === undefined ? Object.keys(before) : changedColumns(before, after);
  return new Set(
    names.flatMap((name) => [...(moved?.[name] ?? atomsOf(before[name])).difference(atomsOf(after?.[name]))]),
  );
}

/** Whether all that happened to a row is that it no longer names rows that are gone. */
function onlyLost({ before, after }: Change, gone: ReadonlySet<Value>): boolean {
  if (before === undefined || after === undefined) return false;
  return changedColumns(before, after).every((name) => lostOnly(before, after, name, gone));
}

function lostOnly(before: Row, after: Row, name: string, gone: ReadonlySet<Value>): boolean {
  const [old, now] = [atomsOf(before[name]), atomsOf(after[name])];
  return now.isSubsetOf(old) && old.difference(now).isSubsetOf(gone);
}

function atomsOf(value: Value): Set<Value> {
  if (value instanceof Set) return value;
  if (value instanceof Map) return new Set(value.values());
  return new Set(value === undefined ? [] : [value]);
}
