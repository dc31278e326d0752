// In which sets a row is: the sets of the copy, read backwards.

import { setsOf } from "./mapping/members.ts";
import type { Membership, Table } from "./mapping/row.ts";
import { isOurs } from "./marks.ts";
import type { Row } from "./ovsdb/database.ts";

const nobody: ReadonlySet<string> = new Set();
const nowhere: readonly Membership[] = [];

export class Memberships {
  readonly #of = new Map<string, readonly Membership[]>();

  of(member: string): readonly Membership[] {
    return this.#of.get(member) ?? nowhere;
  }

  has(member: string, parent: string): boolean {
    return this.of(member).some(({ uuid }) => uuid === parent);
  }

  join(member: string, set: Membership): void {
    if (!this.has(member, set.uuid)) this.#of.set(member, [...this.of(member), set]);
  }

  leave(member: string, parent: string): void {
    const rest = this.of(member).filter(({ uuid }) => uuid !== parent);
    if (rest.length > 0) this.#of.set(member, rest);
    else this.#of.delete(member);
  }
}

/** A row that came into a set, or left it. */
export interface Moved {
  readonly member: string;
  readonly set: Membership;
  readonly joined: boolean;
}

/** Who came into the sets of a row, and who left. The sets of others' rows are not ours to look at. */
export function moves(table: Table, uuid: string, before: Row | undefined, after: Row | undefined): readonly Moved[] {
  const moved: Moved[] = [];
  for (const column of setsOf(table)) {
    const [was, is] = [membersIn(before, column), membersIn(after, column)];
    if (was === is) continue;
    const set = { table, uuid, column };
    // Sets of ten thousand are walked here with every change: without an iterator, that is several times as fast.
    was.forEach((member) => {
      if (!is.has(member)) moved.push({ member, set, joined: false });
    });
    is.forEach((member) => {
      if (!was.has(member)) moved.push({ member, set, joined: true });
    });
  }
  return moved;
}

function membersIn(row: Row | undefined, column: string): ReadonlySet<string> {
  const members = isOurs(row) ? row[column] : undefined;
  return members instanceof Set ? members : nobody;
}
